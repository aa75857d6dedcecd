"""A private streaming site that one can safely put on the internet."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netflix.site import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """`create_app`, loaded when asked for: the terminal, a part of this package, tells its help without Flask."""
    if name == "create_app":
        return import_module("netflix.site").create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
