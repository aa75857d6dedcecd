"""More strangers sign in and register at once than can be hashed for, and an owner comes home meanwhile."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from netflix.accounts import hashing
from tests.served.site import served
from tests.watching import until

ADA = "ada@example.org"
# More than two processes have places for; each asks so often at most.
CROWD, EACH = 2 * hashing.STRANGERS + 12, 200


def test_who_is_known_signs_in_while_a_crowd_of_strangers_fills_the_lanes(folder: Path) -> None:
    """At a cost that is one, since what is cheap fills nothing."""
    with served(folder, bcrypt_rounds=10, login_limit="10000 per hour", site_limit="100000 per hour") as site:
        owner = site.visitor("127.0.0.9")
        assert owner.register(ADA).status == 303
        assert owner.sign_in(ADA).status == 303
        assert owner.sign_out().status == 303
        answered: Counter[int] = Counter()
        over = Event()

        def press(bot: int) -> None:
            visitor = site.visitor(f"127.70.{bot // 250}.{1 + bot % 250}")
            token = visitor.token()
            for number in range(EACH):
                if over.is_set():
                    break
                form = {"csrf_token": token, "email": f"nobody-{bot}-{number}@example.org", "password": "a wrong guess"}
                answered[visitor.post("/register" if bot % 2 else "/login", form).status] += 1

        with ThreadPoolExecutor(CROWD) as crowd:
            pressing = [crowd.submit(press, bot) for bot in range(CROWD)]
            try:
                until(lambda: answered[503] > CROWD)
                told = []
                for _ in range(3):
                    told.append(owner.sign_in(ADA).status)
                    owner.sign_out()
            finally:
                over.set()
            for one in pressing:
                one.result()
        assert told == [303] * 3
