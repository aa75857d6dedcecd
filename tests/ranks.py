"""Whether one kind of measurement is larger than another, by their ranks alone (Wilcoxon's signed-rank test)."""

from collections.abc import Sequence
from math import sqrt

# Beyond this many standard deviations one is larger: by chance once in 15,000 times.
CERTAIN = 4.0


def lean(pairs: Sequence[tuple[float, float]]) -> float:
    """By how many standard deviations the first of each pair leans to be larger than the second (negative: smaller).

    Each pair was measured one after the other, so that whatever else the machine does falls on both alike.
    """
    differences = sorted((one - other for one, other in pairs if one != other), key=abs)
    count = len(differences)
    ranks = sum(rank for rank, difference in enumerate(differences, 1) if difference > 0)
    expected = count * (count + 1) / 4
    return (ranks - expected) / sqrt(count * (count + 1) * (2 * count + 1) / 24)
