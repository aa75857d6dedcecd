"""What one check found, and what to do about it."""

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """A warning is for somebody to know; a fault is to be mended."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Finding(NamedTuple):
    """By the check's name, in sentences."""

    check: str
    state: State
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check, State.OK, found)


def warning(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, State.WARNING, found, remedy)


def fault(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, State.FAULT, found, remedy)
