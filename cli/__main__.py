"""`python -m cli`, for a checkout that is not installed."""

from . import main

main(prog_name="python -m cli" if __package__ == "cli" else "netflix-admin")
