"""A signed-in browser is a row, and every worker sees at once that it is gone."""

from tests.served.site import Site
from tests.served.visitor import Visitor


def looks(visitor: Visitor) -> set[int]:
    """How its dashboard is answered, asked often enough that every worker was asked."""
    return {visitor.get("/dashboard").status for _ in range(20)}


def test_a_cookie_that_was_taken_before_signing_out_is_worth_nothing_after(site: Site) -> None:
    ada = site.visitor("127.0.6.1")
    ada.register("ada@example.org")
    ada.sign_in("ada@example.org")
    thief = ada.twin()
    assert looks(thief) == {200}
    assert ada.sign_out().status == 303
    assert looks(thief) == {303}
    assert looks(ada) == {303}


def test_the_cookie_of_before_signing_in_is_not_the_one_of_after(site: Site) -> None:
    grace = site.visitor("127.0.6.2")
    grace.register("grace@example.org")
    grace.token()
    planted = grace.twin()
    grace.sign_in("grace@example.org")
    assert looks(grace) == {200}
    assert looks(planted) == {303}
