"""Ten thousand guesses from a thousand addresses at one account, and its owner comes home meanwhile."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email import message_from_bytes
from email.policy import default
from http.client import HTTPConnection
from pathlib import Path
from threading import Lock
from urllib.parse import urlencode

from tests.people import PASSWORD, links_in
from tests.served.site import Site, served
from tests.served.visitor import FORM, Visitor
from tests.watching import until

ADA = "ada@example.org"
BOTS, GUESSES = 1000, 10
# What the account's lane lets strangers try in an hour.
LANE = 10


class Botnet:
    """Each bot has an address of its own, and all know the form's token."""

    def __init__(self, site: Site) -> None:
        self.site = site
        scout = site.visitor("127.66.0.1")
        self.token = scout.token()
        self.cookie = "; ".join(f"{name}={value}" for name, value in scout.cookies.items())
        self.answered: Counter[int] = Counter()
        self.telling = Lock()

    def guess(self, bot: int, passwords: Sequence[str]) -> None:
        address = f"127.66.{1 + bot // 250}.{1 + bot % 250}"
        with closing(HTTPConnection("127.0.0.1", self.site.port, timeout=30, source_address=(address, 0))) as line:
            for password in passwords:
                form = urlencode({"csrf_token": self.token, "email": ADA, "password": password})
                line.request("POST", "/login", form, {"Content-Type": FORM, "Cookie": self.cookie})
                answer = line.getresponse()
                answer.read()
                with self.telling:
                    self.answered[answer.status] += 1


def mailed_link(folder: Path, subject: str) -> str:
    """The path of the first link in the mail of that subject, once it is there."""

    def found() -> list[str]:
        letters = [message_from_bytes(path.read_bytes(), policy=default) for path in (folder / "mail").glob("*.eml")]
        return [links_in(letter.get_content())[0] for letter in letters if subject in letter["Subject"]]

    until(found)
    return found()[0]


def follow(visitor: Visitor, link: str) -> None:
    """Opens a mailed link and presses its button; to confirm an e-mail takes the password."""
    page = visitor.get(link).headers["Location"]
    assert visitor.send(page, password=PASSWORD).status == 303


def test_a_botnet_neither_guesses_its_way_in_nor_keeps_the_owner_out(folder: Path) -> None:
    with served(folder) as site:
        owner, elsewhere = site.visitor("127.0.0.9"), site.visitor("127.0.0.10")
        assert owner.register(ADA).status == 303
        follow(owner, mailed_link(folder, "confirm your e-mail"))
        assert owner.sign_in(ADA).status == 303
        assert owner.sign_out().status == 303
        botnet, before = Botnet(site), site.count()
        with ThreadPoolExecutor(8) as pool:
            wrong = [f"a wrong guess, the {n}th" for n in range(GUESSES)]
            storm = [pool.submit(botnet.guess, bot, wrong) for bot in range(BOTS)]
            until(lambda: botnet.answered[429] > BOTS)
            # At the first try, where they have been before.
            assert owner.sign_in(ADA).status == 303
            # And by a mailed link where they have not.
            assert elsewhere.sign_in(ADA).status == 429
            assert elsewhere.send("/unlock", email=ADA).status == 303
            follow(elsewhere, mailed_link(folder, "lets your browser in"))
            assert elsewhere.sign_in(ADA).status == 303
            assert botnet.answered.total() < BOTS * GUESSES
            for guessed in storm:
                guessed.result()
        assert botnet.answered == {401: LANE, 429: BOTS * GUESSES - LANE}
        assert site.count() - before == LANE + 2
        # The right one has forgiven what was wrong in a row, not what was wrong this hour: now that they know it,
        # still none comes in.
        for bot in range(0, BOTS, 50):
            botnet.guess(bot, [PASSWORD])
        assert set(botnet.answered) == {401, 429}
        assert site.count() - before == LANE + 2
        assert owner.get("/dashboard").status == 200
        assert elsewhere.get("/dashboard").status == 200
