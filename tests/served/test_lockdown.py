"""A lockdown that is ordered at the terminal holds in every process, and ends."""

from tests.served.site import Site
from tests.served.test_bans import admin
from tests.served.visitor import Visitor
from tests.watching import until

ADA, REASON = "ada@example.org", "Stolen passwords are tried."


def told(visitor: Visitor) -> set[bool]:
    """Whether its sign-in page has the reason, asked often enough that every worker was asked."""
    return {REASON in visitor.get("/login").text for _ in range(20)}


def test_it_holds_in_both_workers_and_ends(site: Site) -> None:
    ada, elsewhere = site.visitor("127.0.40.1"), site.visitor("127.0.40.2")
    ada.register(ADA)
    ada.sign_in(ADA)
    ada.sign_out()
    admin(site, "lockdown", "on", "--reason", REASON)
    until(lambda: told(elsewhere) == {True})
    refused = elsewhere.sign_in(ADA)
    assert refused.status == 403
    assert REASON in refused.text
    assert elsewhere.get("/register").status == 403
    assert ada.sign_in(ADA).status == 303
    assert {ada.get("/dashboard").status for _ in range(10)} == {200}
    admin(site, "lockdown", "off")
    until(lambda: told(elsewhere) == {False})
    assert elsewhere.sign_in(ADA).status == 303
