"""How soon a command begins: what is waited for at each completion, each help and each cron line."""

import statistics
from collections.abc import Iterator

from tests.bench.million.child import admin, run
from tests.bench.million.figure import Figure
from tests.bench.million.place import site

ROUNDS = 9
APP = "from netflix import create_app; create_app()"
SINGLE = (("users show", "user@example.org"), ("limits show", "--site"))


def measure() -> Iterator[Figure]:
    """In processor time, since so short a thing is at the mercy of whoever else uses the machine."""
    helps: list[float] = []
    beyond: dict[str, list[float]] = {words: [] for words, _ in SINGLE}
    whole: dict[str, list[float]] = {words: [] for words, _ in SINGLE}
    with site() as (_, env):
        admin("users", "create", "user@example.org", "--password-stdin", env=env, given=b"seven quiet lanterns\n")
        for words, subject in SINGLE:
            admin(*words.split(), subject, env=env)
        for _ in range(ROUNDS):
            click = run("-c", "import click", env=env).processor
            helps.append(admin("--help", env=env).processor / click)
            app = run("-c", APP, env=env).processor
            for words, subject in SINGLE:
                took = admin(*words.split(), subject, env=env)
                beyond[words].append((took.processor - app) / click)
                whole[words].append(took.seconds)
    yield Figure("--help ÷ python -c 'import click', processor time", statistics.median(helps), 1.5)
    for words, _ in SINGLE:
        yield Figure(f"{words}, beyond a process that starts the app ÷ the same", statistics.median(beyond[words]), 3)
        yield Figure("  all of it", statistics.median(whole[words]) * 1000, unit="ms")
