"""Recovery by mail, with a mail server that is down and then up."""

from pathlib import Path

from tests.mail.server import MailServer, free_port
from tests.people import links_in
from tests.served.site import served
from tests.served.test_mail import member
from tests.watching import until

NEW = "a quite new password"


def test_a_link_that_was_asked_for_while_the_mail_server_was_down_comes_when_it_is_up(folder: Path) -> None:
    port = free_port()
    with served(folder, mail_url=f"smtp://127.0.0.1:{port}", mail_from="films@example.org") as site:
        email, visitor = member(site), site.visitor()
        known = visitor.send("/recover", email=email)
        unknown = site.visitor().send("/recover", email="nobody@example.org")
        assert (known.status, known.text) == (unknown.status, unknown.text)
        assert known.status == 303
        assert known.seconds < 2
        until(lambda: "is tried again" in site.said)
        assert visitor.get("/login").status == 200
        with MailServer().running(port) as server:
            until(lambda: server.taken)
            assert [to for to, _ in server.taken] == [email]
            (link,) = links_in(server.taken[0][1].get_content())[:1]
            opened = site.visitor()
            assert opened.get(link).status == 303
            assert opened.send("/recover/", password=NEW).status == 303
            until(lambda: len(server.taken) == 2)
            assert "password" in server.subjects[1]
            assert site.visitor().sign_in(email, NEW).status == 303
        assert "Traceback" not in site.said
        assert link not in site.said
