"""A policy that somebody thinks of: the limits of a file of settings, in place of the site's."""

import re
from dataclasses import replace

from netflix.config import PREFIX, Config
from netflix.errors import ConfigError
from netflix.limits.policy import LIMITS, Limit

# Of what is wrong, as many are told as one would look at.
TOLD = 10
LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def proposed(text: str, config: Config, counted: tuple[Limit, ...]) -> Config:
    """The settings with the limits that the text sets as `NETFLIX_LOGIN_LIMIT=5 per minute` and the like.

    Its other lines may be those of a site's whole file of settings. Raises ConfigError with all faults, also when
    it sets none of those that are `counted`.
    """
    named, problems = lines(text)
    tuned = {f"{PREFIX}{limit.setting.upper()}": limit.setting for limit in LIMITS if limit.setting}
    names = {f"{PREFIX}{name.upper()}" for name in Config.__dataclass_fields__}
    read, faults = Config.read({name: value for name, value in named.items() if name in tuned or name not in names})
    problems += faults
    problems += [
        f"{name}: there is no such setting; limits are {', '.join(tuned)}."
        for name in named
        if name.startswith(PREFIX) and name not in names and not any(fault.startswith(f"{name}:") for fault in faults)
    ]
    wanted = [name for name, setting in tuned.items() if setting in {limit.setting for limit in counted}]
    if not problems and not set(wanted) & {f"{PREFIX}{name.upper()}" for name in read}:
        problems.append(f"It sets none of {', '.join(wanted)}.")
    if problems:
        more = len(problems) - TOLD
        raise ConfigError(problems[:TOLD] + ([f"And {more:,} more: is it the right file?"] if more > 0 else []))
    return replace(config, **read)


def lines(text: str) -> tuple[dict[str, str], list[str]]:
    """What is set, as a shell or systemd would read it, and the lines that set nothing."""
    named: dict[str, str] = {}
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if found := LINE.fullmatch(line):
            value = found[2].strip()
            quoted = re.fullmatch(r"([\"'])(.*)\1", value)
            named[found[1]] = quoted[2] if quoted else value
        else:
            problems.append(f"Line {number} is not like NETFLIX_LOGIN_LIMIT=5 per minute.")
    return named, problems
