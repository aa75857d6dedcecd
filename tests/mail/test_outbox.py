"""Mails wait in the outbox, and are sent once."""

import signal
import stat
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from smtplib import SMTP

import pytest
from flask import Flask

from netflix import clock
from netflix.config import Config
from netflix.errors import Declined, MailNotTaken, MailServerUnavailable, NotSent
from netflix.extensions import db
from netflix.mail import delivery, outbox, transport
from netflix.mail.delivery import Delivered
from netflix.mail.outbox import Mail
from tests.cli.terminal import COMMAND, environment
from tests.conftest import Build
from tests.mail.server import PASSWORD, USER, MailServer, free_port, self_made, silent
from tests.people import Letters
from tests.watching import log

Later = Callable[[timedelta], None]
HOUR = timedelta(hours=1)


def post(to: str = "ada@example.org", times: int = 1, **more: object) -> None:
    for _ in range(times):
        outbox.post(to, "test", **more)  # type: ignore[arg-type]
    db.session.commit()


def waiting() -> list[Mail]:
    db.session.expire_all()
    return Mail.all()


def test_a_mail_is_written_with_the_act_that_it_tells_of(site: Flask) -> None:
    with site.app_context():
        outbox.post("ada@example.org", "test")
        db.session.rollback()
        assert waiting() == []
        post()
        assert [mail.recipient for mail in waiting()] == ["ada@example.org"]


def test_it_is_sent_as_plain_text_and_then_gone(site: Flask, server: MailServer) -> None:
    with site.app_context():
        post()
        assert delivery.deliver() == Delivered(sent=1)
        assert waiting() == []
    ((to, letter),) = server.taken
    assert to == "ada@example.org"
    assert str(letter["To"]) == "ada@example.org"
    assert str(letter["From"]) == "Netflix <films@example.net>"
    assert letter["Subject"] == "This site can send mail"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"]
    assert letter.get_content_type() == "text/plain"
    assert "ada@example.org" in letter.get_content()


def test_several_go_over_one_connection(site: Flask, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[Config] = []
    true = transport.connected

    def connected(config: Config) -> SMTP:
        connections.append(config)
        return true(config)

    monkeypatch.setattr(transport, "connected", connected)
    with site.app_context():
        post(times=5)
        assert delivery.deliver() == Delivered(sent=5)
    assert len(connections) == 1


def test_what_is_refused_for_now_is_tried_again_with_the_same_id(site: Flask, server: MailServer, later: Later) -> None:
    server.answers = ["451 try later"]
    with site.app_context():
        post()
        mark = waiting()[0].mark
        assert delivery.deliver() == Delivered(unsent=1)
        assert "451 try later" in waiting()[0].error
        assert delivery.deliver() == Delivered()
        later(timedelta(seconds=16))
        assert delivery.deliver() == Delivered(sent=1)
    assert str(server.taken[0][1]["Message-ID"]) == f"<{mark}@example.net>"


@pytest.mark.parametrize("stage", ["recipients", "answers"])
def test_what_is_refused_for_good_is_given_up_at_once(site: Flask, server: MailServer, stage: str) -> None:
    setattr(server, stage, ["550 no such user"])
    with site.app_context():
        post("nobody@example.org")
        post()
        assert delivery.deliver() == Delivered(sent=1, unsent=1)
        (mail,) = waiting()
        assert mail.is_given_up
        assert "550 no such user" in mail.error
        assert mail.text


def test_the_link_in_a_mail_that_is_given_up_is_wiped(site: Flask, server: MailServer) -> None:
    server.answers = ["554 no"]
    with site.app_context():
        post(expires_at=clock.now() + HOUR)
        delivery.deliver()
        (mail,) = waiting()
        assert mail.is_given_up
        assert mail.text == ""
        with pytest.raises(Declined):
            delivery.retry(mail.id)


def test_a_mail_whose_link_has_expired_is_not_sent(site: Flask, server: MailServer, later: Later) -> None:
    with site.app_context():
        post(expires_at=clock.now() + HOUR)
        later(HOUR)
        assert delivery.deliver() == Delivered()
        assert waiting() == []
    assert server.taken == []


def test_the_pauses_grow_to_an_hour_and_after_three_days_it_is_given_up(build: Build, later: Later) -> None:
    site = build(mail_url=f"smtp://127.0.0.1:{free_port()}")
    with site.app_context():
        post()
        pauses = []
        while not waiting()[0].is_given_up:
            delivery.deliver()
            if due := waiting()[0].due_at:
                pauses.append(due - clock.now())
                later(due - clock.now() + timedelta(seconds=1))
        assert [round(pause.total_seconds()) for pause in pauses[:4]] == [5, 10, 20, 40]
        assert max(pauses) <= HOUR
        assert 70 < len(pauses) < 95
        assert clock.now() - waiting()[0].created_at < timedelta(days=3, hours=2)


def test_a_link_that_lasts_an_hour_is_tried_often_in_it(build: Build, later: Later) -> None:
    site = build(mail_url=f"smtp://127.0.0.1:{free_port()}")
    with site.app_context():
        post(expires_at=clock.now() + HOUR)
        tries = 0
        while waiting():
            tries += delivery.deliver().unsent
            later(max((Mail.next_due() or clock.now()) - clock.now(), timedelta()) + timedelta(seconds=1))
        assert tries > 15


@pytest.mark.parametrize("way", ["away", "silent", "hangs", "drops", "closes"])
def test_a_server_that_is_out_of_order_loses_nothing(
    build: Build, server: MailServer, later: Later, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(transport, "PATIENCE", 0.3)
    server.drops = way == "drops"
    server.answers = ["421 closing"] if way == "closes" else []
    if way == "hangs":
        server.hangs.set()
    with silent() as port:
        url = {"away": f"smtp://127.0.0.1:{free_port()}", "silent": f"smtp://127.0.0.1:{port}"}.get(way, server.url)
        with build(mail_url=url).app_context():
            post(times=3)
            assert delivery.deliver() == Delivered(unsent=1, is_server_away=True)
            assert len(waiting()) == 3
    server.drops = False
    server.hangs.clear()
    later(timedelta(minutes=1))
    with build(mail_url=server.url).app_context():
        assert delivery.deliver() == Delivered(sent=3)
        assert waiting() == []


def test_no_connection_to_the_database_is_held_while_a_server_is_waited_for(
    site: Flask, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    true = transport.Server.send

    def send(self: transport.Server, mail: Mail) -> None:
        held.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
        true(self, mail)

    monkeypatch.setattr(transport.Server, "send", send)
    with site.app_context():
        post(times=2)
        delivery.deliver()
    assert held == [0, 0]


def sender(config: Config, server: MailServer) -> subprocess.Popen[str]:
    env = environment(config) | {"NETFLIX_MAIL_URL": server.url}
    return subprocess.Popen(
        [*COMMAND, "mail", "send"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_processes_send_each_mail_once(site: Flask, server: MailServer, config: Config) -> None:
    with site.app_context():
        for number in range(30):
            outbox.post(f"{number}@example.org", "test")
        db.session.commit()
        both = [sender(config, server) for _ in range(2)]
        told = [process.communicate(timeout=60) for process in both]
        assert [process.returncode for process in both] == [0, 0], told
        assert sorted(to for to, _ in server.taken) == sorted(f"{number}@example.org" for number in range(30))
        assert waiting() == []


def test_what_a_killed_process_was_sending_is_sent_by_another_when_its_lease_runs_out(
    site: Flask, server: MailServer, config: Config, later: Later
) -> None:
    server.hangs.set()
    with site.app_context():
        post()
        process = sender(config, server)
        assert server.reached.wait(30)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert delivery.deliver() == Delivered()
        later(Mail.LEASE)
        server.hangs.clear()
        assert delivery.deliver() == Delivered(sent=1)
    assert len({str(letter["Message-ID"]) for _, letter in server.taken}) == 1


def test_who_lost_the_lease_does_not_put_off_what_another_sends(site: Flask, server: MailServer, later: Later) -> None:
    with site.app_context():
        post()
        slow = delivery.claimed()
        assert slow
        db.session.expunge(slow)
        later(Mail.LEASE)
        taken = delivery.claimed()
        assert taken
        due = taken.due_at
        delivery.end(slow, NotSent("too late"))
        assert waiting()[0].due_at == due


INJECTIONS = [
    "ada@example.org\r\nBcc: all@example.org",
    "ada@example.org\nSubject: x",
    "ada@example.org, mallory@example.net",
    "ada@example.org> RCPT TO:<mallory@example.net",
    "ada@exa mple.org",
    "ada",
]


@pytest.mark.parametrize("to", INJECTIONS)
def test_an_address_is_nothing_but_one_address(site: Flask, server: MailServer, to: str) -> None:
    with site.app_context():
        post(to)
        assert delivery.deliver() == Delivered(unsent=1)
        assert waiting()[0].is_given_up
    assert server.taken == []


@pytest.mark.parametrize("to", ["a,b@example.org", "a;b@example.org", "a:b@example.org", "a(b)c@example.org"])
def test_odd_signs_in_a_name_mean_nothing(site: Flask, server: MailServer, to: str) -> None:
    with site.app_context():
        post(to)
        assert delivery.deliver() == Delivered(sent=1)
    ((taken, letter),) = server.taken
    name = to.partition("@")[0]
    assert taken == f'"{name}"@example.org'
    assert [one.username for one in letter["To"].addresses] == [name]


def test_a_subject_ends_at_its_line(site: Flask, server: MailServer) -> None:
    with site.app_context():
        mail = outbox.written("ada@example.org", "test")
        mail.subject = "one\r\nBcc: mallory@example.net"
        db.session.add(mail)
        db.session.commit()
        assert delivery.deliver() == Delivered(unsent=1)
        assert waiting()[0].is_given_up
    assert server.taken == []


def test_a_foreign_domain_is_spelt_for_every_server(site: Flask, server: MailServer) -> None:
    with site.app_context():
        post("ada@bücher.example")
        assert delivery.deliver() == Delivered(sent=1)
    assert server.taken[0][0] == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize("to", ["адам@example.org", "ada@straße.example"])
def test_what_the_server_cannot_take_is_said_and_goes_nowhere_else(site: Flask, server: MailServer, to: str) -> None:
    """The second would be another domain's by older rules (straße and strasse)."""
    with site.app_context():
        post(to)
        assert delivery.deliver() == Delivered(unsent=1)
        (mail,) = waiting()
        assert mail.is_given_up
        assert "SMTPUTF8" in mail.error
    assert server.taken == []


def test_a_self_made_certificate_is_refused_unless_it_is_trusted(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: Later
) -> None:
    monkeypatch.setattr(transport, "is_loopback", lambda _: False)
    certificate = self_made(tmp_path / "server.pem")
    with MailServer(certificate).running() as server, build(mail_url=server.url).app_context():
        post()
        assert delivery.deliver() == Delivered(unsent=1, is_server_away=True)
        assert "certificate verify failed" in waiting()[0].error
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        later(timedelta(minutes=1))
        assert delivery.deliver() == Delivered(sent=1)


def test_elsewhere_nothing_is_sent_without_tls(
    build: Build, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "is_loopback", lambda _: False)
    with build(mail_url=server.url).app_context():
        post()
        assert delivery.deliver() == Delivered(unsent=1, is_server_away=True)
        assert "STARTTLS" in waiting()[0].error
    assert server.taken == []


@pytest.mark.parametrize("password", ["p%40ss%2Fword", "wrong"])
def test_it_signs_in_where_a_user_is_given(build: Build, password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PATIENCE", 1)
    with MailServer(signs_in=True).running() as server:
        site = build(mail_url=f"smtp://{USER}:{password}@127.0.0.1:{server.port}")
        with site.app_context():
            post()
            delivered = delivery.deliver()
            assert bool(delivered.sent) is (password != "wrong")
            assert delivered.is_server_away is (password == "wrong")
            assert not [mail for mail in waiting() if PASSWORD in mail.error or mail.is_given_up]


def test_a_password_that_cannot_be_sent_is_told_and_loses_no_mail(build: Build) -> None:
    with MailServer(signs_in=True).running() as server:
        site = build(mail_url=f"smtp://{USER}:p%C3%A4ss@127.0.0.1:{server.port}")
        with site.app_context(), log() as written:
            post(times=2)
            assert delivery.deliver() == Delivered(unsent=1, is_server_away=True)
            assert [bool(mail.error) for mail in waiting()] == [True, False]
            with pytest.raises(MailServerUnavailable, match="ASCII") as told:
                delivery.try_out("ada@example.org")
    assert "ä" not in f"{told.value} {written.getvalue()}"
    assert r"\xe4" not in f"{told.value} {written.getvalue()}"


def test_in_development_it_is_a_file_that_the_log_names(app: Flask, config: Config) -> None:
    with log() as written, app.app_context():
        post()
        assert delivery.deliver() == Delivered(sent=1)
    (path,) = (config.instance / "mail").iterdir()
    assert f"a mail is in {path}" in written.getvalue()
    assert "ada@example.org" not in written.getvalue()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "ada@example.org" in path.read_text()


def test_a_link_stays_on_its_line(app: Flask, letters: Letters) -> None:
    with app.app_context():
        mail = outbox.written("adá@example.org", "test")
        mail.text = f"https://a.long.name.example.org/recover/{'x' * 60}?{'y' * 100}\n"
        db.session.add(mail)
        db.session.commit()
    (letter,) = letters()
    assert letter.get_content() == mail.text


def test_for_others_without_a_mail_server_there_is_no_mail(build: Build) -> None:
    for changes in ({"host": "192.0.2.1"}, {"url": "https://films.example.org"}):
        with build(**changes).app_context():
            assert not outbox.is_on()
            post()
            assert waiting() == []
            with pytest.raises(Declined):
                delivery.try_out("ada@example.org")


def test_the_log_tells_neither_words_nor_address(site: Flask, server: MailServer) -> None:
    server.answers = ["451 <ada@example.org> is greylisted", "550 <ada@example.org> is unknown"]
    with log() as written, site.app_context():
        post(times=2)
        delivery.deliver()
    assert written.getvalue().count("mail list") == 2
    assert "ada@example.org" not in written.getvalue()


def test_a_test_mail_says_what_is_the_matter(site: Flask, server: MailServer) -> None:
    server.recipients = ["550 no such user", "450 greylisted"]
    with site.app_context():
        with pytest.raises(MailNotTaken, match="550 no such user"):
            delivery.try_out("ada@example.org")
        with pytest.raises(NotSent, match="450 greylisted"):
            delivery.try_out("ada@example.org")
        delivery.try_out("ada@example.org")
    assert len(server.taken) == 1


def test_a_test_mail_to_a_server_that_is_away(build: Build) -> None:
    with build(mail_url=f"smtp://127.0.0.1:{free_port()}").app_context(), pytest.raises(MailServerUnavailable):
        delivery.try_out("ada@example.org")


def test_who_it_is_from(build: Build) -> None:
    def sender(**changes: object) -> str:
        return build(**changes).extensions["netflix-config"].sender  # type: ignore[no-any-return]

    assert sender() == "netflix@localhost"
    assert sender(url="https://films.example.org") == "netflix@films.example.org"
    assert sender(url="https://films.example.org", mail_from="us@example.org") == "us@example.org"


def test_what_was_given_up_is_tried_again_when_asked(site: Flask, server: MailServer) -> None:
    server.answers = ["550 not today"]
    with site.app_context():
        post()
        delivery.deliver()
        delivery.retry(waiting()[0].id)
        assert delivery.deliver() == Delivered(sent=1)
