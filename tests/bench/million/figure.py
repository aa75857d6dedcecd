"""One thing that was measured, and what it is held to."""

import os
from typing import NamedTuple

# Counters, users, rows: fewer for a quick look.
MANY = int(os.environ.get("BENCH_MANY", "1000000"))


class Figure(NamedTuple):
    """Without a unit it is a ratio to the reference that was measured beside it."""

    name: str
    value: float
    most: float | None = None
    unit: str = ""
    least: float | None = None

    @property
    def bound(self) -> str:
        bounds = (("at most", self.most), ("at least", self.least))
        return ", ".join(f"{words} {bound:g}{self.after}" for words, bound in bounds if bound is not None)

    @property
    def after(self) -> str:
        return f" {self.unit}" if self.unit else ""

    @property
    def misses(self) -> bool:
        return (self.most is not None and self.value > self.most) or (
            self.least is not None and self.value < self.least
        )

    def __str__(self) -> str:
        shown = f"{self.value:.0f}" if abs(self.value) >= 100 else f"{self.value:.2f}"
        return f"{self.name}: {shown}{self.after}" + (f"  [{self.bound}]" if self.bound else "")
