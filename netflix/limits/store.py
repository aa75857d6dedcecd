"""Flask-Limiter's storage: moving windows in Redis that cannot race, and what happens while Redis is away."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from limits.storage import RedisStorage
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from netflix.limits.fallback import Fallback
from netflix.limits.scripts import ACQUIRE, LOOK, REFUND, REPORT
from netflix.limits.windows import SECOND, Decision, Filled, Rule

log = logging.getLogger("netflix.limits")

# A sign-in must answer within half a second while Redis hangs, and a password check takes most of it.
PATIENCE = 0.1
PROBE_EVERY = 0.5
PROBE = "netflix:probe"


class CounterStore(RedisStorage):
    """Registered with Flask-Limiter under `netflix+…` addresses; `journal` is where it counts while Redis is away."""

    STORAGE_SCHEME = ["netflix+redis", "netflix+rediss", "netflix+unix"]

    def __init__(
        self,
        uri: str,
        journal: Path,
        revive: Callable[[], None] | None = None,
        **options: float | str | bool,
    ) -> None:
        super().__init__(uri.removeprefix("netflix+"), retry=Retry(NoBackoff(), 0), **options)  # type: ignore[arg-type]
        # Also where the address says otherwise: a sign-in's half second is not the address's to spend.
        self.redis.connection_pool.connection_kwargs |= {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        self.fallback = Fallback(journal)
        self.degraded = False
        self._revive = revive
        self._turning = threading.Lock()
        self._acquire = self.redis.register_script(ACQUIRE)
        self._refund = self.redis.register_script(REFUND)
        self._report = self.redis.register_script(REPORT)
        self._look = self.redis.register_script(LOOK)

    @property
    def redis(self) -> Redis:
        return self.storage

    def acquire_together(self, rules: Sequence[Rule]) -> Decision:
        """Counts one attempt under all rules or under none, in one round trip. Never raises for Redis."""
        if not self.degraded:
            try:
                answer = self._acquire([r.key for r in rules], [n for r in rules for n in limits_of(r)])
            except RedisError as error:
                self._lost(error)
            else:
                decision = Decision(*answer)
                return decision if decision.rule else self._confirmed(rules, decision)
        return self.fallback.acquire(rules)

    def look(self, rules: Sequence[Rule], redis: Redis) -> list[Filled]:
        """How full each rule is for who would make an attempt now; nothing is counted. Raises RedisError."""
        stamp, *filled = self._look([r.key for r in rules], [n for r in rules for n in limits_of(r)], client=redis)
        heard = [Filled(*pair) for pair in zip(filled[::2], filled[1::2], strict=True)]
        if not any(rule.wait for rule in heard):
            # As `_confirmed`.
            journal, now = self.fallback.read(), time.time_ns() // 1000
            if any(journal.was_ahead(rule, stamp, now) for rule in rules) and journal.decided(rules, now)[0]:
                return journal.filled(rules, now)
        return heard

    def _confirmed(self, rules: Sequence[Rule], let_in: Decision) -> Decision:
        """What Redis let in; refused after all when another process let in more meanwhile without it."""
        decision = self.fallback.note(rules, let_in.value)
        if not decision.rule:
            return let_in
        self._take_back(rules, let_in.value)
        return decision

    def refund(self, rules: Sequence[Rule], stamp: int, forgiven: Sequence[Rule] = ()) -> None:
        """Takes one attempt back under all rules, and forgets whole counters, in one round trip."""
        self.fallback.forget(rules, stamp, forgiven)
        self._take_back(rules, stamp, forgiven)

    def _take_back(self, rules: Sequence[Rule], stamp: int, forgiven: Sequence[Rule] = ()) -> None:
        if not self.degraded:
            try:
                self._refund([rule.key for rule in (*rules, *forgiven)], [stamp, len(rules)])
            except RedisError as error:
                self._lost(error)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Flask-Limiter's own way in, for `@limiter.limit`: the same counting."""
        rule = Rule(self.prefixed_key(key), limit, expiry)
        return all(self.acquire_together([rule]).rule == 0 for _ in range(amount))

    @staticmethod
    def probe(redis: Redis) -> None:
        """A write: a Redis that is full, or a replica, answers a ping too. Raises RedisError."""
        redis.set(PROBE, 1, px=1000)

    def _lost(self, error: RedisError) -> None:
        if str(error).startswith("WRONGTYPE"):
            log.error("a counter has a key of another type; this attempt is counted in the journal")
            return
        with self._turning:
            if self.degraded:
                return
            self.degraded = True
        log.warning(
            "degraded: redis does not answer (%s); limits are counted in the instance folder", type(error).__name__
        )
        try:
            threading.Thread(target=self._await_return, name="redis-probe", daemon=True).start()
        except RuntimeError:
            # No thread to be had: the next attempt finds out anew, and this one is counted in the journal.
            self.degraded = False

    def is_answering(self) -> bool:
        """Has Redis write; what it finds holds for the attempts to come."""
        if not self.degraded:
            try:
                self.probe(self.redis)
            except RedisError as error:
                self._lost(error)
        return not self.degraded

    def _await_return(self) -> None:
        told = ""
        while self.degraded:
            try:
                self._try_return()
                # Should it be lost again already, there is another thread for that.
                return
            except RedisError:
                pass
            except Exception as error:
                # Whatever it is: without this thread the site would stay without Redis for ever.
                reason = f"{type(error).__name__}: {error}"
                if reason != told:
                    told = reason
                    log.error("redis cannot be returned to: %s", told)
            time.sleep(PROBE_EVERY)

    def _try_return(self) -> None:
        if self._revive:
            self._revive()
        self.probe(self.redis)
        self._report_all()
        self.degraded = False
        log.warning("recovered: redis answers again; limits are counted there")
        # What was let in between the last told and this turn.
        try:
            self._report_all()
        except RedisError as error:
            self._lost(error)

    def _report_all(self) -> None:
        while unreported := self.fallback.take_unreported():
            rule, stamp = unreported
            is_over = stamp + rule.window * SECOND <= time.time_ns() // 1000
            if is_over or not self.fallback.still_counts(rule, stamp):
                continue
            try:
                heard = self._report([rule.key], [*limits_of(rule), stamp])
            except ResponseError as error:
                if not str(error).startswith("WRONGTYPE"):
                    self.fallback.put_back(unreported)
                    raise
                # Such as a key of another type: it must not keep the others, and the site, from coming back.
                log.error("redis refused a command; an attempt is not told: %s", error)
            except RedisError:
                self.fallback.put_back(unreported)
                raise
            else:
                self.fallback.reported(rule, stamp, heard)


def limits_of(rule: Rule) -> tuple[int, int]:
    """A rule as the scripts take it: amount, and window in microseconds."""
    return rule.amount, rule.window * 1_000_000
