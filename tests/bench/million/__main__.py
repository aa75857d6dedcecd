"""`python -m tests.bench.million [limits|start|…]`: the terminal at a million counters and users, beside references.

Whatever misses its bound is marked. It takes minutes; BENCH_MANY=50000 is a quick look.
"""

import pkgutil
import sys
import time
from importlib import import_module

from tests.bench import machine, million
from tests.bench.million.figure import MANY

# What the others are measured with.
HELPERS = {"__main__", "child", "figure", "place"}


def main(wanted: list[str]) -> None:
    known = sorted({module.name for module in pkgutil.iter_modules(million.__path__)} - HELPERS)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        sys.exit(f"There is no {', '.join(unknown)}. There are: {', '.join(known)}.")
    for name in wanted or known:
        print(f"{name}, {MANY:,} of each, {machine.CORES} cores", flush=True)
        started = time.perf_counter()
        for figure in import_module(f"{million.__name__}.{name}").measure():
            print(f"  {figure}{'  MISSED' if figure.misses else ''}", flush=True)
        print(f"  ({time.perf_counter() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
