"""How soon a command begins: what is waited for at each completion, each help and each cron line."""

import statistics
import subprocess
import sys
from collections.abc import Iterator

from tests.bench.million.child import admin, run
from tests.bench.million.figure import Figure
from tests.bench.million.place import site
from tests.watching import ROOT

ROUNDS = 9
APP = """
import time
started = time.perf_counter()
from netflix import create_app
create_app()
print(time.perf_counter() - started)
"""
SINGLE = (("users show", "user@example.org"), ("limits show", "--site"))


def measure() -> Iterator[Figure]:
    helps: list[float] = []
    beyond: dict[str, list[float]] = {words: [] for words, _ in SINGLE}
    whole: dict[str, list[float]] = {words: [] for words, _ in SINGLE}
    with site() as (_, env):
        admin("users", "create", "user@example.org", "--password-stdin", env=env, given=b"seven quiet lanterns\n")
        for words, subject in SINGLE:
            admin(*words.split(), subject, env=env)
        for _ in range(ROUNDS):
            click = run("-c", "import click", env=env).seconds
            helps.append(admin("--help", env=env).seconds / click)
            app = float(subprocess.check_output([sys.executable, "-c", APP], env=env, cwd=ROOT))
            for words, subject in SINGLE:
                took = admin(*words.split(), subject, env=env).seconds
                beyond[words].append((took - app) / click)
                whole[words].append(took)
    yield Figure("--help ÷ python -c 'import click'", statistics.median(helps), 1.5)
    for words, _ in SINGLE:
        yield Figure(f"{words}, less the app's own start ÷ the same", statistics.median(beyond[words]), 3)
        yield Figure(f"{words}, all of it", statistics.median(whole[words]) * 1000, unit="ms")
