"""Why Redis does not keep the counters, and what to do about it."""

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    MaxConnectionsError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,
)

from netflix.errors import CountersUnavailable


def refusal(error: RedisError, is_own: bool) -> CountersUnavailable:
    """Why, and what to do; `is_own` when the site starts its Redis itself."""
    reason = " ".join(str(error).split()).rstrip(".")
    at_odds = (AuthenticationError, BusyLoadingError, MaxConnectionsError)
    away = isinstance(error, (ConnectionError, TimeoutError)) and not isinstance(error, at_odds)
    if away and is_own:
        way = "Start the site: its own server starts with it."
    elif away:
        way = "Start it, or check NETFLIX_REDIS_URL."
    elif isinstance(error, AuthenticationError) or "AUTH" in reason:
        reason, way = (
            "it wants a password, or another one",
            "Give it in NETFLIX_REDIS_URL: redis://:PASSWORD@HOST:6379.",
        )
    elif isinstance(error, ReadOnlyError):
        way = "It is a replica: name the one that it copies in NETFLIX_REDIS_URL."
    elif isinstance(error, BusyLoadingError):
        way = "It has just been started: try again in a moment."
    elif isinstance(error, OutOfMemoryError):
        way = "It is full: give it more (`maxmemory`)."
    else:
        way = "Check NETFLIX_REDIS_URL, and how that server is set."
    what = "does not answer" if away else "does not take what is asked of it"
    return CountersUnavailable(f"Redis, which keeps the limits' counters, {what} ({reason}).", way)
