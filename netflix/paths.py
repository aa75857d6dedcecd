"""Where the files that are not code live: in the package once installed, beside it in a checkout."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def where(folder: str) -> Path:
    """The folder's path; inside the package first, so that a stranger's folder beside it is never taken."""
    inside = PACKAGE / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def checkout() -> Path | None:
    """The root of the checkout that this runs in, or None when installed."""
    root = PACKAGE.parent
    return root if (root / "setup.cfg").is_file() and (root / "migrations").is_dir() else None
