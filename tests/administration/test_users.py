"""Users, as an administrator looks after them in a browser."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from netflix.accounts.registration import create
from netflix.accounts.user import User
from netflix.events import event
from netflix.events.event import Event, Wanted
from netflix.extensions import db
from netflix.signin import access
from netflix.signin.session import ListedSession
from tests.people import PASSWORD, Browser
from tests.test_speed_counts import cost
from tests.watching import log, statements

ADA = "/admin/users/2"


def last(app: Flask) -> Event:
    with app.app_context():
        return event.latest(Wanted(), 1)[0]


def user(app: Flask, email: str) -> User:
    with app.app_context():
        return User.named(email)


def named(page: str) -> list[str]:
    return re.findall(r'<a href="/admin/users/\d+">(.*?)</a></h2>', page)


def crowd(app: Flask, many: int) -> None:
    with app.app_context():
        emails = [f"guest{number:03}@films.example" for number in range(many)]
        db.session.add_all([User(email=email, email_key=email) for email in emails])
        db.session.commit()


def test_all_are_listed_a_page_at_a_time(app: Flask, office: Browser) -> None:
    crowd(app, 120)
    seen, path = [], "/admin/users"
    while path:
        page = office.get(path).text
        seen += named(page)
        assert len(named(page)) <= 50
        link = re.search(r'href="([^"]+)">More users', page)
        path = link[1].replace("&amp;", "&") if link else ""
    assert seen == sorted(["grace@example.org", *(f"guest{number:03}@films.example" for number in range(120))])


@pytest.mark.parametrize(
    ("part", "found"),
    [("st03", 10), ("FILMS.example", 40), ("GRACE", 1), ("%", 0), ("_", 0), ("nobody", 0), ("  ", 41), ("'", 0)],
)
def test_a_part_of_an_e_mail_finds_them(app: Flask, office: Browser, part: str, found: int) -> None:
    crowd(app, 40)
    assert len(named(office.get("/admin/users", query_string={"q": part}).text)) == found


def test_a_search_goes_on_over_its_pages(app: Flask, office: Browser) -> None:
    crowd(app, 60)
    link = re.search(r'href="([^"]+)">More users', office.get("/admin/users?q=films").text)
    assert link
    assert len(named(office.get(link[1].replace("&amp;", "&")).text)) == 10


def test_the_list_tells_state_and_role(app: Flask, office: Browser, ada: str) -> None:
    with app.app_context():
        access.disable(ada)
        create("new@example.org", None)
    page = office.get("/admin/users").text
    assert "Disabled" in page
    assert "No password" in page
    assert page.count(">Administrator<") == 1


def test_a_list_is_two_statements_and_a_user_four(app: Flask, office: Browser, ada: str) -> None:
    crowd(app, 60)
    Browser(app).sign_in(ada)
    for path in ("/admin/users", "/admin/users?q=films", "/admin/users?after=20"):
        assert cost(app, lambda path=path: office.get(path)) == (2, 0, 0), path  # type: ignore[misc]
    assert cost(app, lambda: office.get(ADA)) == (4, 0, 0)


@pytest.mark.parametrize("query", ["", "?q=films", "?q=films&after=20"])
def test_the_list_walks_the_index_of_e_mails(app: Flask, office: Browser, query: str) -> None:
    with statements(app) as asked:
        office.get(f"/admin/users{query}")
    with app.app_context():
        plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {asked[-1].replace(':', '')}")).all()
    told = [row[3] for row in plan]
    assert any(re.match(r"(SCAN|SEARCH) user USING INDEX \w*user_(email_key|1)", line) for line in told), told
    assert not any("TEMP B-TREE" in line for line in told)


CHANGES: dict[str, tuple[Callable[[User], bool], str]] = {
    "disable": (lambda user: user.is_disabled, "can no longer sign in"),
    "promote": (lambda user: user.is_admin, "is an administrator"),
}
BACK = {"disable": "enable", "promote": "demote"}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_is_changed_back(app: Flask, office: Browser, ada: str, change: str) -> None:
    changed, told = CHANGES[change]
    answer = office.post(f"{ADA}/{change}", page=ADA, follow_redirects=True)
    assert told in answer.text
    assert changed(user(app, ada))
    assert (last(app).user_id, last(app).by, last(app).address) == (2, "user:1", "192.0.2.10")
    office.post(f"{ADA}/{BACK[change]}", page=ADA)
    assert not changed(user(app, ada))


@pytest.mark.parametrize(
    ("change", "told"),
    {
        "disable": "is disabled already.",
        "promote": "is an administrator already.",
        "enable": "may sign in already.",
        "demote": "is a member already.",
    }.items(),
)
def test_what_another_did_a_moment_ago_is_told_as_it_is(
    app: Flask, office: Browser, ada: str, change: str, told: str
) -> None:
    with app.app_context():
        getattr(access, change)(ada)
        before = event.length()
    assert told in office.post(f"{ADA}/{change}", page=ADA, follow_redirects=True).text
    with app.app_context():
        assert event.length() == before


def test_who_is_kept_out_is_out_at_once(app: Flask, office: Browser, ada: str) -> None:
    theirs = Browser(app)
    theirs.sign_in(ada)
    office.post(f"{ADA}/disable", page=ADA)
    assert theirs.get("/dashboard").status_code == 303
    assert theirs.sign_in(ada).status_code == 401


def test_a_link_for_a_new_password_is_shown_once_and_works_once(app: Flask, office: Browser, ada: str) -> None:
    theirs = Browser(app)
    theirs.sign_in(ada)
    with log() as written:
        answer = office.post(f"{ADA}/reset", page=ADA)
    (link,) = re.findall(r"https?://[^/]+(/recover/[\w-]{43})", answer.text)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert link not in office.get(ADA).text
    assert link.rpartition("/")[2] not in written.getvalue()
    assert theirs.get("/dashboard").status_code == 303
    theirs.get(link)
    theirs.post("/recover/", {"password": "another quiet password"}, page="/recover/")
    assert theirs.sign_in(ada, "another quiet password").status_code == 303


def test_no_page_lets_an_administrator_choose_a_password(office: Browser, ada: str) -> None:
    """ASVS 5.0 6.4.6."""
    assert "password" not in "".join(re.findall(r"<input[^>]*>", office.get(ADA).text))


def test_their_browsers_are_seen_and_ended_one_and_all(app: Flask, office: Browser, ada: str) -> None:
    theirs = [Browser(app, f"203.0.113.{number}") for number in range(3)]
    for one in theirs:
        one.sign_in(ada)
    with app.app_context():
        first = ListedSession.of(2)[-1].id
    assert "203.0.113.2" in office.get(ADA).text
    assert office.post(f"/admin/users/3/sessions/{first}/end", page=ADA).status_code == 404
    with app.app_context():
        create("other@example.org", PASSWORD)
    assert office.post(f"/admin/users/3/sessions/{first}/end", page=ADA).status_code == 404
    office.post(f"{ADA}/sessions/{first}/end", page=ADA)
    assert [one.get("/dashboard").status_code for one in theirs] == [303, 200, 200]
    assert last(app).details["reason"] == "ended by an administrator"
    office.post(f"{ADA}/sessions/end", page=ADA)
    assert {one.get("/dashboard").status_code for one in theirs} == {303}


def test_deleting_is_asked_for_on_a_page_of_its_own_and_by_e_mail(app: Flask, office: Browser, ada: str) -> None:
    refused = office.post(f"{ADA}/delete", {"email": "somebody@else.org"}, page=f"{ADA}/delete")
    assert refused.status_code == 422
    assert "Nothing was deleted" in refused.text
    assert user(app, ada)
    answer = office.post(f"{ADA}/delete", {"email": " ADA@example.org "}, page=f"{ADA}/delete")
    assert answer.location == "/admin/users"
    assert (last(app).kind, last(app).user_id, last(app).by) == ("user_deleted", 2, "user:1")
    assert office.get(ADA).status_code == 404


OWN = ["disable", "demote", "promote", "enable", "reset", "sessions/end", "sessions/1/end"]


@pytest.mark.parametrize("change", OWN)
def test_nobody_does_it_to_themselves(app: Flask, office: Browser, grace: str, change: str) -> None:
    with app.app_context():
        create("other@example.org", PASSWORD, is_admin=True)
        before = event.length()
    answer = office.post(f"/admin/users/1/{change}", page="/dashboard")
    assert answer.status_code == 403
    assert "your own account" in answer.text
    with app.app_context():
        assert event.length() == before
    assert office.get("/admin/users").status_code == 200


def test_nor_deletes_themselves(office: Browser, grace: str) -> None:
    answer = office.post("/admin/users/1/delete", {"email": grace}, page="/dashboard")
    assert answer.status_code == 403


def test_one_s_own_page_offers_none_of_it(office: Browser) -> None:
    page = office.get("/admin/users/1").text
    assert 'action="/admin' not in page
    assert "This is your own account" in page


def test_the_last_administrator_stays(app: Flask, office: Browser, grace: str) -> None:
    """Also when two make members of each other at once: whoever comes second finds nothing."""
    with app.app_context():
        create("other@example.org", PASSWORD, is_admin=True)
        access.disable("other@example.org")
    answer = office.post("/admin/users/2/demote", page="/dashboard")
    assert answer.status_code == 303
    assert user(app, grace).is_admin


def test_an_act_needs_a_fresh_proof_and_reading_does_not(
    app: Flask, office: Browser, ada: str, later: Callable[[timedelta], None]
) -> None:
    later(timedelta(minutes=11))
    for path in ("disable", "promote", "reset", "sessions/end", "sessions/1/end"):
        assert office.post(f"{ADA}/{path}", page=ADA).location == "/prove?next=%2Fadmin%2Fusers%2F2"
    answer = office.post(f"{ADA}/delete", {"email": ada}, page=f"{ADA}/delete")
    assert answer.location == "/prove?next=%2Fadmin%2Fusers%2F2%2Fdelete"
    for path in ("/admin/invitations", "/admin/invitations/1/revoke"):
        answer = office.post(path, {"uses": "1", "days": "1"}, page="/admin/invitations")
        assert answer.location == "/prove?next=%2Fadmin%2Finvitations"
    assert user(app, ada).state == "active"
    assert {office.get(path).status_code for path in ("/admin/users", ADA, "/admin/events")} == {200}
    office.post("/prove", {"password": PASSWORD, "next": ADA}, page="/prove")
    assert office.post(f"{ADA}/disable", page=ADA).location == ADA
    assert user(app, ada).is_disabled


def test_without_the_form_s_token_nothing_is_done(app: Flask, office: Browser, ada: str) -> None:
    answer = office.client.post(f"{ADA}/disable", environ_base=office.environ)
    assert answer.status_code == 400
    assert not user(app, ada).is_disabled


@pytest.mark.parametrize("path", [f"{ADA}/disable", f"{ADA}/reset", f"{ADA}/sessions/end"])
def test_nothing_is_done_by_a_link(app: Flask, office: Browser, ada: str, path: str) -> None:
    answer = office.get(path)
    # What is shown once leads, when its address is opened again, to the user that it was about.
    assert answer.status_code in (404, 405) or answer.location == ADA
    assert user(app, ada).has_password
    assert not user(app, ada).is_disabled


def test_who_is_gone_is_said_to_be(office: Browser) -> None:
    for path in ("/admin/users/99", "/admin/users/99/delete"):
        answer = office.get(path)
        assert answer.status_code == 404
        assert "There is no such user" in answer.text
    assert office.post("/admin/users/99/disable", page="/dashboard").status_code == 404


def test_an_e_mail_stays_text(app: Flask, office: Browser) -> None:
    with app.app_context():
        create("o'a&b@x.org", None)
    assert "o&#39;a&amp;b@x.org" in office.get("/admin/users").text
    assert "&#34;&gt;&lt;b&gt;" in office.get('/admin/users?q="><b>').text


def test_the_person_is_told_that_an_administrator_did_it(app: Flask, office: Browser, ada: str) -> None:
    for change in ("disable", "enable", "promote"):
        office.post(f"{ADA}/{change}", page=ADA)
    theirs = Browser(app)
    theirs.sign_in(ada)
    page = theirs.get("/activity").text
    for told in ("kept you out for a while", "let you in again", "made you an administrator"):
        assert f"An administrator {told}." in page
    assert "user:1" not in page
