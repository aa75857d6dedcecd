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
from netflix.limits.windows import SECOND, Decision, Filled, Rule

log = logging.getLogger("netflix.limits")

# A sign-in must answer within half a second while Redis hangs, and a password check takes most of it.
PATIENCE = 0.1
PROBE_EVERY = 0.5
PROBE = "netflix:probe"

# Every counter is a list of the times, in microseconds of Redis's own clock, newest first, of the
# attempts that were let in. All counters of an attempt are read and written in one call, so that no
# other attempt comes between. KEYS: counters. ARGV: amount and window (µs) of each.
# Answer: {0, stamp, number of a counter that this used up or 0} when let in, else {number of the deciding
# counter, µs to wait, 0}.
ACQUIRE = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local decided, wait = 0, 0
for i, key in ipairs(KEYS) do
  local oldest = redis.call('LINDEX', key, ARGV[2 * i - 1] - 1)
  local left = oldest and oldest + ARGV[2 * i] - now or 0
  if left > wait then decided, wait = i, left end
end
if decided > 0 then return {decided, wait, 0} end
for _, key in ipairs(KEYS) do
  now = math.max(now, (redis.call('LINDEX', key, 0) or 0) + 1)
end
local stamp, used_up = string.format('%.0f', now), 0
for i, key in ipairs(KEYS) do
  redis.call('LPUSH', key, stamp)
  redis.call('LTRIM', key, 0, ARGV[2 * i - 1] - 1)
  redis.call('PEXPIRE', key, math.ceil(ARGV[2 * i] / 1000))
  local oldest = redis.call('LINDEX', key, ARGV[2 * i - 1] - 1)
  if oldest and oldest + ARGV[2 * i] > now then used_up = i end
end
return {0, now, used_up}
"""

# KEYS: counters. ARGV: the stamp to take back, and in how many of them; the rest is forgotten.
REFUND = """
for i, key in ipairs(KEYS) do
  if i <= ARGV[2] + 0 then redis.call('LREM', key, 1, ARGV[1]) else redis.call('UNLINK', key) end
end
"""

# Tells Redis of an attempt that was let in without it. KEYS: a counter. ARGV: amount, window, stamp.
# Answer: when it heard, after every stamp that it gave out without knowing.
REPORT = """
local t = redis.call('TIME')
local next = (redis.call('LINDEX', KEYS[1], 0) or 0) + 1
local stamp = math.max(ARGV[3] + 0, next)
redis.call('LPUSH', KEYS[1], string.format('%.0f', stamp))
redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[2] / 1000))
return math.max(t[1] * 1000000 + t[2], next)
"""

# What ACQUIRE would find, changing nothing. KEYS: counters. ARGV: amount and window (µs) of each.
# Answer: the stamp that an attempt would get, then for each counter the attempts that count and µs to wait.
LOOK = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local answer = {now}
for i, key in ipairs(KEYS) do
  local used, beyond = 0, redis.call('LLEN', key)
  while used < beyond do
    local middle = math.floor((used + beyond) / 2)
    if redis.call('LINDEX', key, middle) + ARGV[2 * i] > now then used = middle + 1 else beyond = middle end
  end
  local oldest = redis.call('LINDEX', key, ARGV[2 * i - 1] - 1)
  answer[2 * i] = used
  answer[2 * i + 1] = math.max(0, oldest and oldest + ARGV[2 * i] - now or 0)
  answer[1] = math.max(answer[1], (redis.call('LINDEX', key, 0) or 0) + 1)
end
return answer
"""

# How counters stand. KEYS: counters. ARGV: for each of them the number of its rule, as one byte; 1 when only those are
# wanted that refuse, else 0; then amount and window (µs) of each rule. Answer: five numbers for each that counts: which
# it is, how many attempts, the first and the last stamp, and µs to wait; then how many of the keys are no lists. A long
# one is searched, so that hundreds of them do not hold Redis either. What is no time, or one beyond the year 2255, is
# not ours and is passed over.
READ = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local tonumber, call, pcall, rules = tonumber, redis.call, redis.pcall, ARGV[1]
local all = ARGV[2] == '0'
local function time(text)
  local at = tonumber(text)
  return at and at < 9e15 and at or 0
end
local amounts, since = {}, {}
for number = 1, (#ARGV - 2) / 2 do
  amounts[number], since[number] = ARGV[2 * number + 1] + 0, now - ARGV[2 * number + 2]
end
local answer, n, odd = {}, 0, 0
for number, key in ipairs(KEYS) do
  local rule = rules:byte(number)
  local amount, past = amounts[rule], since[rule]
  -- Most refuse nobody, and one look tells.
  local one = all or pcall('LINDEX', key, amount - 1)
  local times = (all or time(one) > past) and pcall('LRANGE', key, 0, 15) or {}
  local length, used, first, last, oldest = #times, 0, 0, 0, 0
  if length == 16 then
    local beyond = call('LLEN', key)
    while used < beyond do
      local middle = math.floor((used + beyond) / 2)
      if time(call('LINDEX', key, middle)) > past then used = middle + 1 else beyond = middle end
    end
    first, last = time(call('LINDEX', key, used - 1)), time(times[1])
    oldest = time(times[amount] or call('LINDEX', key, amount - 1))
  else
    for index = 1, length do
      local at = time(times[index])
      if at > past then
        used, first = used + 1, at
        if used == 1 then last = at end
        if used == amount then oldest = at end
      end
    end
  end
  local wait = oldest > past and oldest - past or 0
  if length == 0 and (times.err or type(one) == 'table') then odd = odd + 1 end
  if used > 0 and (all or wait > 0) then
    answer[n + 1], answer[n + 2], answer[n + 3], answer[n + 4], answer[n + 5] = number, used, first, last, wait
    n = n + 5
  end
end
answer[n + 1] = odd
return answer
"""

# Of which keys something is wrong. KEYS: what should be counters. Answer: number and fault of each that is none.
ODD = """
local odd = {}
for number, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'list' and kind ~= 'none' then
    odd[#odd + 1] = {number, 'wrong type'}
  elseif kind == 'list' and redis.call('PTTL', key) == -1 then
    odd[#odd + 1] = {number, 'no expiry'}
  elseif kind == 'list' then
    for _, end_ in ipairs({0, -1}) do
      if not tonumber(redis.call('LINDEX', key, end_)) then
        odd[#odd + 1] = {number, 'no times'}
        break
      end
    end
  end
end
return odd
"""


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
        """Asks Redis; what it finds holds for the attempts to come."""
        if not self.degraded:
            try:
                self.redis.ping()
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
        # A write: a Redis that is full, or a replica, answers a ping too.
        self.redis.set(PROBE, 1, px=1000)
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
