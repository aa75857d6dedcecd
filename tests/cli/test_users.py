"""`netflix-admin users`."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from flask import Flask

from cli import main
from cli.users import users
from netflix.accounts import password as passwords
from netflix.accounts.user import User
from netflix.config import Config
from netflix.extensions import db
from netflix.factors.passkey import Passkey
from tests.cli.conftest import Run
from tests.cli.terminal import COMMAND, at_a_terminal, environment
from tests.conftest import Build
from tests.people import PASSWORD, Browser

OTHER = "four loud kettles"


def names(run: Run) -> list[str]:
    return [user["email"] for user in json.loads(run("users list --format json").stdout)]


def test_a_user_is_made_with_a_password_from_standard_input(run: Run, browser: Browser) -> None:
    made = run("users create zoe@example.org --password-stdin", given=f"{PASSWORD}\nanother line\n")
    assert (made.exit_code, made.output) == (0, "zoe@example.org is a member.\n")
    assert browser.sign_in("zoe@example.org").status_code == 303


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_end_of_the_line_is_no_part_of_the_password(run: Run, browser: Browser, end: str) -> None:
    run("users create zoe@example.org --password-stdin", given=f" {PASSWORD} {end}")
    assert browser.sign_in("zoe@example.org", f" {PASSWORD} ").status_code == 303


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (b"", "holds no password"),
        (b"\nsecond line\n", "holds no password"),
        (b"caf\xe9 caf\xe9 caf\xe9\n", "is not UTF-8"),
        (b"short\n", "Use at least 8 characters"),
        (b"x" * 1025, "too long"),
    ],
)
def test_a_password_that_cannot_be_taken_is_told_in_a_sentence(run: Run, given: bytes, sentence: str) -> None:
    refused = run("users create zoe@example.org --password-stdin", given=given)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr
    assert names(run) == []


def test_a_generated_password_is_all_of_standard_output_and_works(run: Run, browser: Browser) -> None:
    made = run("users create zoe@example.org --generate")
    password = made.stdout.removesuffix("\n")
    assert re.fullmatch(r"[a-z2-9]{5}(-[a-z2-9]{5}){5}", password)
    assert "shown this once" in made.stderr
    assert browser.sign_in("zoe@example.org", password).status_code == 303


@pytest.mark.parametrize("command", ["create zoe@example.org", "reset-password ada@example.org"])
def test_a_generated_password_opens_nothing_until_it_is_changed(
    run: Run, browser: Browser, ada: str, command: str
) -> None:
    """ASVS 5.0 6.4.1."""
    password = run(f"users {command} --generate").stdout.strip()
    browser.sign_in(command.split()[1], password)
    assert browser.get("/dashboard").location == "/password"
    assert "it was given to you" in browser.get("/password").text
    change = {"current_password": password, "password": password}
    assert "Choose another" in browser.post("/password", change, page="/password").text
    assert browser.get("/dashboard").location == "/password"
    browser.post("/password", change | {"password": OTHER}, page="/password")
    assert browser.get("/dashboard").status_code == 200


def test_no_two_generated_passwords_are_alike(run: Run) -> None:
    assert len({run(f"users create {n}@example.org --generate").stdout for n in range(5)}) == 5


def test_a_link_lets_a_new_user_choose_a_password_once(run: Run, browser: Browser) -> None:
    made = run("users create zoe@example.org --link")
    link = urlsplit(made.stdout.strip())
    assert (link.scheme, link.netloc) == ("http", "127.0.0.1:5000")
    assert "good once and for an hour" in made.stderr
    chosen = browser.post("/recover/", {"password": OTHER}, page=link.path)
    assert chosen.status_code == 303
    assert browser.sign_in("zoe@example.org", OTHER).location == "/dashboard"
    assert browser.get(link.path).status_code == 410


def test_the_ways_to_a_password_exclude_each_other(run: Run) -> None:
    refused = run("users create zoe@example.org --generate --link")
    assert refused.exit_code == 2
    assert "Give only one of --generate and --link." in refused.stderr


def test_without_a_terminal_nobody_is_asked_for_a_password(run: Run) -> None:
    refused = run("users create zoe@example.org", given=f"{PASSWORD}\n{PASSWORD}\n")
    assert refused.exit_code == 2
    assert "Give --password-stdin, --generate or --link." in refused.stderr
    assert names(run) == []


def test_a_secret_cannot_be_given_as_an_argument(run: Run) -> None:
    assert run("users", "create", "zoe@example.org", "--password", PASSWORD).exit_code == 2


def test_an_administrator_is_made(run: Run) -> None:
    run("users create zoe@example.org --admin --link")
    assert json.loads(run("users show zoe@example.org --format json").stdout)["admin"] is True


def test_a_taken_e_mail_is_told_with_4_however_it_is_written(run: Run, ada: str) -> None:
    refused = run("users create ADA@Example.org --generate")
    assert (refused.exit_code, refused.stdout) == (4, "")
    assert "There is a user ada@example.org already." in refused.stderr


def test_if_not_exists_leaves_a_user_as_it_is(run: Run, ada: str, browser: Browser) -> None:
    left = run(f"users create {ada} --admin --if-not-exists --password-stdin", given=f"{OTHER}\n")
    assert (left.exit_code, left.output) == (0, f"There is a user {ada} already. Nothing was changed.\n")
    assert json.loads(run(f"users show {ada} --format json").stdout)["admin"] is False
    assert browser.sign_in(ada).status_code == 303


def test_if_not_exists_makes_a_user_that_is_not_there(run: Run) -> None:
    assert run("users create zoe@example.org --if-not-exists --link").exit_code == 0
    assert names(run) == ["zoe@example.org"]


@pytest.mark.parametrize("way", ["--link", "--generate"])
def test_who_is_there_is_no_password_of_anybody(run: Run, ada: str, way: str) -> None:
    left = run(f"users create {ada} --if-not-exists {way}")
    assert (left.exit_code, left.stdout) == (0, "")
    assert left.stderr == f"There is a user {ada} already. Nothing was changed.\n"


def test_several_are_made_on_a_line_each(run: Run, ada: str, browser: Browser) -> None:
    emails = f"zoe@example.org\n{ada}\n\nZOE@example.org\ntim@example.org\n"
    made = run("users create - kim@example.org --generate --if-not-exists", given=emails)
    assert (made.exit_code, made.stderr) == (0, f"There is a user {ada} already. Nothing was changed.\n")
    lines = [line.split("\t") for line in made.stdout.splitlines()]
    assert [email for email, _ in lines] == ["zoe@example.org", "tim@example.org", "kim@example.org"]
    assert browser.sign_in(*lines[0]).status_code == 303
    links = run("users create a@example.org b@example.org --link --admin").stdout.splitlines()
    assert all("\thttp://127.0.0.1:5000/recover/" in line for line in links)
    assert json.loads(run("users show b@example.org --format json").stdout)["admin"] is True


def test_of_several_those_that_can_be_are_made(run: Run, ada: str) -> None:
    made = run(f"users create nobody {ada} zoe@example.org --link")
    assert made.exit_code == 8
    assert [line.split("\t")[0] for line in made.stdout.splitlines()] == ["zoe@example.org"]
    assert made.stderr.startswith("Error: 'nobody': That does not look like an e-mail address.")
    assert f"There is a user {ada} already." in made.stderr


@pytest.mark.parametrize("way", ["", "--password-stdin"])
def test_several_are_not_made_with_one_password(run: Run, way: str) -> None:
    refused = run(f"users create a@example.org b@example.org {way}", given=PASSWORD)
    assert refused.exit_code == 2
    assert "Give --link or --generate, or one user at a time." in refused.stderr
    assert names(run) == []


def test_a_dash_stands_in_the_help_of_whatever_takes_it() -> None:
    for name, command in users.commands.items():
        if any(param.name == "emails" for param in command.params):
            told = str(command.help)
            assert "- reads them from standard input" in told, name
            assert told.index("- reads them") < told.index("\b\nExample:")


@pytest.mark.parametrize("email", ["", "nobody", "a b@example.org", "\x1b[31m@example.org", "x" * 250 + "@example.org"])
def test_what_is_no_e_mail_is_a_slip(run: Run, email: str) -> None:
    refused = run("users", "create", email, "--generate")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "\x1b" not in refused.stderr


def test_users_are_listed_by_e_mail_and_can_be_narrowed(run: Run, ada: str, grace: str) -> None:
    run(f"users disable {ada}")
    assert names(run) == [ada, grace]
    assert [line.split("\t")[0] for line in run("users list --admin").stdout.splitlines()] == [grace]
    assert [line.split("\t")[0] for line in run("users list --disabled").stdout.splitlines()] == [ada]


def test_a_user_is_shown_with_all_that_an_operator_asks(run: Run, ada: str, browser: Browser) -> None:
    browser.sign_in(ada)
    shown = json.loads(run(f"users show {ada} --format json").stdout)
    assert shown | {"created_at": "", "signed_in_at": "", "id": 0} == {
        "email": ada,
        "id": 0,
        "admin": False,
        "disabled": False,
        "has_password": True,
        "verified": True,
        "signed_in_at": "",
        "created_at": "",
        "deleting_at": None,
        "sessions": 1,
        "second_factor": False,
        "two_step": False,
        "recovery_codes": 0,
        "passkeys": 0,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown["signed_in_at"])
    assert f"email\t{ada}\n" in run(f"users show {ada}").stdout


@pytest.mark.parametrize(
    "command",
    ["show", "disable", "enable", "promote", "demote", "delete --yes", "reset-password", "reset-second-factor"],
)
def test_an_unknown_user_is_told_with_3(run: Run, command: str) -> None:
    refused = run(f"users {command} nobody@example.org")
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert refused.stderr == "Error: There is no user nobody@example.org. See `netflix-admin users list`.\n"


def test_a_reset_ends_the_password_and_all_sessions_and_gives_a_link(run: Run, ada: str, browser: Browser) -> None:
    browser.sign_in(ada)
    link = urlsplit(run(f"users reset-password {ada}").stdout.strip())
    assert browser.get("/dashboard").status_code == 303
    assert browser.sign_in(ada).status_code == 401
    browser.post("/recover/", {"password": OTHER}, page=link.path)
    assert browser.sign_in(ada, OTHER).status_code == 303


@pytest.mark.parametrize("way", ["--password-stdin", "--generate"])
def test_a_password_given_to_a_user_ends_all_sessions_too(run: Run, ada: str, browser: Browser, way: str) -> None:
    browser.sign_in(ada)
    done = run(f"users reset-password {ada} {way}", given=OTHER)
    assert done.exit_code == 0
    assert browser.get("/dashboard").status_code == 303
    password = done.stdout.strip() if way == "--generate" else OTHER
    assert browser.sign_in(ada, password).status_code == 303


@pytest.mark.parametrize(("meanwhile", "code"), [("delete --yes", 3), ("disable", 7)])
def test_who_is_gone_when_the_password_is_hashed_gets_none(
    run: Run, ada: str, monkeypatch: pytest.MonkeyPatch, meanwhile: str, code: int
) -> None:
    hashed = passwords.stored

    def stored(text: str) -> str:
        with ThreadPoolExecutor() as another:
            assert another.submit(run, f"users {meanwhile} {ada}").result().exit_code == 0
        return hashed(text)

    monkeypatch.setattr(passwords, "stored", stored)
    done = run(f"users reset-password {ada} --generate")
    assert (done.exit_code, done.stdout) == (code, "")
    assert "unexpected" not in done.stderr


def test_several_are_reset_on_a_line_each(run: Run, ada: str, grace: str) -> None:
    done = run(f"users reset-password {ada} {grace} {ada}")
    assert done.exit_code == 0
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [ada, grace]
    assert all(line.split("\t")[1].startswith("http://") for line in done.stdout.splitlines())


def test_one_user_in_two_spellings_is_reset_once(run: Run, ada: str, browser: Browser) -> None:
    (line,) = run(f"users reset-password {ada} ADA@example.org").stdout.splitlines()
    assert browser.get(urlsplit(line).path).status_code == 303


@pytest.mark.parametrize("way", ["", "--generate"])
def test_who_is_disabled_is_let_in_before_a_new_password(run: Run, ada: str, way: str) -> None:
    run(f"users disable {ada}")
    refused = run(f"users reset-password {ada} {way}")
    assert (refused.exit_code, refused.stdout) == (7, "")
    assert "users enable" in refused.stderr


@pytest.mark.parametrize("command", ["disable", "demote"])
def test_two_at_once_leave_one_administrator(run: Run, config: Config, grace: str, command: str) -> None:
    for n in range(2):
        run(f"users create {n}@example.org --admin --link")
    emails = [grace, *(f"{n}@example.org" for n in range(2))]
    each = [subprocess.Popen([*COMMAND, "users", command, e], env=environment(config), stderr=-1) for e in emails]
    for process in each:
        process.communicate(timeout=60)
    assert sorted(process.returncode for process in each) == [0, 0, 7]


def test_one_that_fails_does_not_stop_the_others(run: Run, ada: str, grace: str) -> None:
    done = run(f"users reset-password {ada} nobody@example.org {grace} --generate")
    assert done.exit_code == 8
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [ada, grace]
    assert "There is no user nobody@example.org." in done.stderr


def test_when_all_fail_nothing_is_partly_done(run: Run) -> None:
    assert run("users reset-password x@example.org y@example.org").exit_code == 3


def test_one_password_for_several_is_refused(run: Run, ada: str, grace: str) -> None:
    refused = run(f"users reset-password {ada} {grace} --password-stdin", given=OTHER)
    assert refused.exit_code == 2
    assert "--generate" in refused.stderr


def test_a_disabled_user_is_out_at_once_and_in_again_when_enabled(run: Run, ada: str, browser: Browser) -> None:
    browser.sign_in(ada)
    assert run(f"users disable {ada}").exit_code == 0
    assert browser.get("/dashboard").status_code == 303
    assert browser.sign_in(ada).status_code == 401
    assert run(f"users enable {ada}").exit_code == 0
    assert browser.sign_in(ada).status_code == 303


def test_deleting_wants_to_be_told_twice(run: Run, ada: str) -> None:
    refused = run(f"users delete {ada}", given="y\n")
    assert refused.exit_code == 7
    assert "Add --yes" in refused.stderr
    assert names(run) == [ada]


def test_a_deleted_user_is_gone_with_all_that_is_theirs(run: Run, app: Flask, ada: str, browser: Browser) -> None:
    browser.sign_in(ada)
    assert run(f"users delete {ada} --yes").output == f"{ada} is deleted.\n"
    assert names(run) == []
    with app.app_context():
        assert db.session.execute(db.text("SELECT count(*) FROM session")).scalar() == 0


@pytest.mark.parametrize("command", ["disable", "delete --yes", "demote"])
def test_the_last_administrator_stays(run: Run, grace: str, command: str) -> None:
    run("users create zoe@example.org --admin --generate")
    run("users disable zoe@example.org")
    refused = run(f"users {command} {grace}")
    assert refused.exit_code == 7
    assert "users promote" in refused.stderr
    assert json.loads(run(f"users show {grace} --format json").stdout)["admin"] is True
    run("users enable zoe@example.org")
    assert run(f"users {command} {grace}").exit_code == 0


def test_one_who_is_promoted_signs_in_anew(run: Run, ada: str, browser: Browser, app: Flask) -> None:
    browser.sign_in(ada)
    assert run(f"users promote {ada}").output == f"{ada} is an administrator.\n"
    assert browser.get("/dashboard").status_code == 303
    with app.app_context():
        assert User.named(ada).is_admin


def test_of_one_who_never_confirmed_the_e_mail_it_is_said(run: Run, ada: str, browser: Browser, build: Build) -> None:
    """Anybody may have registered with it; where no mail is sent nobody could confirm."""
    browser.register("new@example.org")
    told = run("users promote new@example.org")
    assert told.stdout == "new@example.org is an administrator.\n"
    assert told.stderr.startswith("Nobody has shown yet that new@example.org is theirs")
    assert run("users promote new@example.org").stderr == ""
    run("users demote new@example.org")
    silent = build(host="192.0.2.1").test_cli_runner().invoke(main, ["users", "promote", "new@example.org"])
    assert (silent.exit_code, silent.stderr) == (0, "")


def test_one_who_is_demoted_stays_signed_in_as_a_member(run: Run, ada: str, grace: str, browser: Browser) -> None:
    run(f"users promote {ada}")
    browser.sign_in(ada)
    assert run(f"users demote {ada}").output == f"{ada} is a member.\n"
    assert browser.get("/dashboard").status_code == 200


def test_users_are_read_from_standard_input(run: Run, ada: str, grace: str) -> None:
    told = run("users", "promote", "-", given="ada@example.org\n\n GRACE@example.org\nada@Example.org\n")
    assert told.exit_code == 0
    assert told.stdout == "ada@example.org is an administrator.\ngrace@example.org is an administrator already.\n"


CHANGES = {
    "disable": ("can no longer sign in, and is signed out everywhere", "is disabled"),
    "enable": ("may sign in", "may sign in"),
    "promote": ("is an administrator", "is an administrator"),
    "demote": ("is a member", "is a member"),
}
BACK = {"disable": "enable", "enable": "disable", "promote": "demote", "demote": "promote"}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_so_already_is_said_and_is_no_event(run: Run, ada: str, grace: str, change: str) -> None:
    run(f"users {BACK[change]} {ada}")
    told, again = CHANGES[change]
    assert run(f"users {change} {ada}").output == f"{ada} {told}.\n"
    before = run("events list").output
    done = run(f"users {change} {ada}")
    assert (done.exit_code, done.output) == (0, f"{ada} {again} already.\n")
    assert run("events list").output == before


def test_of_several_users_those_that_can_be_are_changed(run: Run, ada: str) -> None:
    told = run("users promote nobody@example.org ada@example.org")
    assert told.exit_code == 8
    assert "ada@example.org is an administrator." in told.stdout
    assert "There is no user nobody@example.org." in told.stderr


def test_users_that_are_not_utf_8_are_told(run: Run) -> None:
    told = run("users", "delete", "-", "--yes", given=b"\xff\n")
    assert told.exit_code == 2
    assert "not UTF-8" in told.stderr


def test_users_are_narrowed_sorted_and_cut(run: Run, ada: str, grace: str) -> None:
    run("users create zoe@example.org --link")

    def listed(options: str) -> list[str]:
        return run(f"users list {options} --fields email --format csv").stdout.split()[1:]

    assert listed("--sort -email --limit 2") == ["zoe@example.org", grace]
    assert listed("--sort created") == [ada, grace, "zoe@example.org"]
    assert listed("--created-since 1d --no-second-factor") == [ada, grace, "zoe@example.org"]
    assert listed("--inactive-since 1d") == listed("--unverified") == []
    assert listed("--inactive-since 1s --admin") == []
    assert listed("--match GRACE") == listed("--match G*@example.org") == [grace]
    assert listed("--match @example.org --admin") == [grace]
    assert listed("--match example") == listed("--match *") == [ada, grace, "zoe@example.org"]
    assert listed("--match example*") == listed("--match _ce") == listed("--match a%a") == []


@pytest.mark.parametrize("word", ["", " "])
def test_an_empty_part_of_an_e_mail_is_a_slip(run: Run, word: str) -> None:
    refused = run("users", "list", "--match", word)
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_a_second_factor_is_told_where_it_is_asked_for(
    run: Run, app: Flask, config: Config, ada: str, grace: str
) -> None:
    """Also a passkey is one."""
    run("users create zoe@example.org --link")
    with app.app_context():
        db.session.execute(db.update(User).where(User.email == grace).values(totp_secret="sealed"))
        user = User.named(ada)
        more = {"public_key": b"", "sign_count": 0, "backed_up": False, "transports": "", "created_at": user.created_at}
        db.session.add(Passkey(user_id=user.id, credential_id=b"1", handle=b"1", name="key", **more))
        db.session.commit()
    assert "second_factor" not in run("users list --format json").stdout
    asked = "--fields email,second_factor"
    told = {ada: True, grace: True, "zoe@example.org": False}
    for rows in (
        json.loads(run(f"users list {asked} --format json").stdout),
        [json.loads(line) for line in run(f"users list {asked} --format jsonl").stdout.splitlines()],
        [json.loads(run(f"users show {email} {asked} --format json").stdout) for email in told],
    ):
        assert {row["email"]: row["second_factor"] for row in rows} == told
    said = {email: "yes" if has else "no" for email, has in told.items()}
    for text, between in (
        (run(f"users list {asked} --format csv").stdout, ","),
        (run(f"users list {asked}").stdout, "\t"),
        (re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", at_a_terminal(config, "users", "list", *asked.split()).screen), None),
    ):
        rows = [line.split(between) for line in text.splitlines() if "@" in line]
        assert {row[0]: row[-1] for row in rows} == said


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--sort name", "nothing to sort by"),
        ("--limit 0", "x>=1"),
        ("--inactive-since soon", "is no time"),
        ("--inactive-since 2199-01-01", "is still to come"),
        ("--created-since 2199-01-01T00:00", "is still to come"),
        ("--match a --match b", "--match takes one only. Give it once."),
        ("--sort email --sort created", "--sort takes one only. Give it once."),
        ("--fields email --fields id", "--fields takes one only. Give it once."),
    ],
)
def test_what_cannot_be_asked_of_a_list_is_a_slip(run: Run, option: str, sentence: str) -> None:
    refused = run(f"users list {option}")
    assert refused.exit_code == 2
    assert sentence in refused.stderr


def test_a_table_for_a_person_ends_somewhere(config: Config, app: Flask, run: Run) -> None:
    with app.app_context():
        db.session.add_all(User(email=f"{n}@example.org", email_key=f"{n:04}@example.org") for n in range(1002))
        db.session.commit()
    seen = at_a_terminal(config, "users", "list").screen.splitlines()
    assert len(seen) == 1002
    assert seen[-1] == "… and 2 more: narrow it, or give --limit or --format."
    assert len(at_a_terminal(config, "users", "list", "--limit", "1001").screen.splitlines()) == 1002
    assert len(run("users list").stdout.splitlines()) == 1002


def test_several_users_are_shown_and_one_who_is_not_there_told(run: Run, ada: str, grace: str) -> None:
    shown = run("users", "show", "-", "nobody@example.org", "--format", "json", given=f"{ada}\n{grace}\n")
    assert shown.exit_code == 8
    assert [user["email"] for user in json.loads(shown.stdout)] == [ada, grace]
    assert "There is no user nobody@example.org." in shown.stderr
    for asked, given in ((f"{ada} nobody@example.org", ""), ("-", ada), (f"{ada} {ada}", "")):
        (one,) = json.loads(run(f"users show {asked} --format json", given=given).stdout)
        assert one["email"] == ada
    lines = run(f"users show {ada} {grace} --format jsonl").stdout.splitlines()
    assert [json.loads(line)["email"] for line in lines] == [ada, grace]
    assert run(f"users show {ada} {grace}").stdout.count("\n\n") == 1
