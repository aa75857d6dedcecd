"""The log: one line for each thing said, on standard error."""

import logging
import time
from logging.config import dictConfig
from typing import Any

from netflix.spelling import printable


class OneLine(logging.Formatter):
    """No text of a stranger starts a line of its own (ASVS 5.0 16.4.1); a traceback's lines stand further in.

    Times are UTC, and say so (16.2.2).
    """

    converter = time.gmtime  # type: ignore[assignment]
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802  (logging's name)
        """The last line tells the fault's own words, which may be a stranger's."""
        lines = super().formatException(ei).splitlines()
        return "\n".join(f"  {printable(line)}" for line in lines)


def to_stderr() -> None:
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": OneLine, "format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "loggers": {"netflix": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
        }
    )
