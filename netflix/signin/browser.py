"""What a browser calls itself, in two words a person knows; not proof of anything."""

import re
from functools import lru_cache

# The first that matches is told: many browsers name their ancestors too.
PROGRAMS = (
    ("Edg", "Edge"),
    ("OPR|Opera", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"),
    ("YaBrowser", "Yandex"),
    ("DuckDuckGo|Ddg", "DuckDuckGo"),
    ("Firefox|FxiOS", "Firefox"),
    ("Chrome|CriOS|Chromium", "Chrome"),
    ("Safari", "Safari"),
    ("curl", "curl"),
    ("Wget", "Wget"),
    ("python", "Python"),
)
SYSTEMS = (
    ("iPhone|iPod", "iPhone"),
    ("iPad", "iPad"),
    ("Android TV|BRAVIA|AFT", "a television"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh|Mac OS", "Mac"),
    ("SMART-TV|Tizen|Web0S|webOS", "a television"),
    ("Linux|X11", "Linux"),
)


@lru_cache(maxsize=512)
def named(user_agent: str) -> str:
    """Such as "Firefox on Linux"."""
    program = first(PROGRAMS, user_agent)
    system = first(SYSTEMS, user_agent)
    return f"{program or 'A browser'} on {system}" if system else program or "An unknown browser"


def first(table: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for pattern, name in table if re.search(pattern, user_agent)), "")
