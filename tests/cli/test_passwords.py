"""`netflix-admin passwords`."""

import fcntl
import gzip
import json
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event as listened

from netflix.accounts import password as passwords
from netflix.accounts import screening
from netflix.accounts.user import User
from netflix.config import Config
from netflix.events import event
from netflix.events.event import Wanted
from netflix.extensions import db
from tests.cli.conftest import Locked, Run
from tests.cli.terminal import at_a_terminal
from tests.people import PASSWORD
from tests.watching import log

WORDS = ["quiet purple kettles", "шесть тихих фонарей", "caf\u0065\u0301 lantern nine", "short"]
HASHES = [sha1(word.encode(), usedforsecurity=False).hexdigest().upper() for word in WORDS]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list.txt"


def known(app: Flask, *words: str) -> list[bool]:
    with app.app_context():
        return [passwords.is_known(word) for word in words]


def state(run: Run) -> list[str]:
    return [row["state"] for row in json.loads(run("passwords status --format json").stdout)]


FORMS = {
    "words": "\n".join(WORDS),
    "of Windows": "\r\n".join([*WORDS, ""]),
    "with empty lines": "\n\n" + "\n\n".join(WORDS) + "\n\n",
    "hashes": "\n".join(HASHES),
    "as they are downloaded": "\r\n".join(f"{one}:{n}" for n, one in enumerate(HASHES)),
    "in small letters": "\n".join(HASHES).lower(),
    "hashes of Windows": "\ufeff" + "\r\n".join(f"{one}:{n}" for n, one in enumerate(HASHES)),
    "words of Windows": "\ufeff" + "\r\n".join(WORDS),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS.keys())
def test_what_is_on_the_list_is_refused(run: Run, app: Flask, path: Path, content: str, packed: bool) -> None:
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    done = run(f"passwords import {path}")
    read_as = "SHA-1 hashes" if HASHES[0].lower() in content.lower() else "passwords"
    assert (done.exit_code, done.output) == (0, f"4 passwords are refused now; read as {read_as}.\n")
    assert known(app, WORDS[0], WORDS[1], PASSWORD) == [True, True, False]
    assert run("passwords check", given=WORDS[0]).exit_code == 7


def test_one_is_told_as_one(run: Run, app: Flask) -> None:
    assert run("passwords import -", given=WORDS[0]).output == "1 password is refused now; read as passwords.\n"


def test_the_share_that_is_wrongly_refused_is_a_number_that_can_be_read(run: Run, app: Flask) -> None:
    assert run("passwords status --fields error").stdout.splitlines()[0] == "0.000000027"
    assert json.loads(run("passwords status --format json --fields error").stdout)[0] == {"error": 2.7e-08}


def test_it_comes_through_a_pipe_too(run: Run, app: Flask) -> None:
    assert run("passwords import -", given="\n".join(WORDS)).exit_code == 0
    assert run("passwords import -", given=gzip.compress("\n".join(WORDS).encode())).exit_code == 0
    assert known(app, WORDS[0]) == [True]


def test_a_password_is_found_however_it_was_composed(run: Run, app: Flask) -> None:
    run("passwords import -", given=WORDS[2])
    assert known(app, WORDS[2], "caf\u00e9 lantern nine") == [True, True]


def test_a_new_list_takes_the_place_of_the_old_and_several_files_are_one(run: Run, app: Flask, tmp_path: Path) -> None:
    for name, word in (("a", "first kettle at noon"), ("b", "second kettle at noon"), ("c", "third kettle at noon")):
        (tmp_path / name).write_text(word)
    run(f"passwords import {tmp_path / 'a'}")
    assert (
        run(f"passwords import {tmp_path / 'b'} {tmp_path / 'c'}").output
        == "2 passwords are refused now; read as passwords.\n"
    )
    words = [f"{which} kettle at noon" for which in ("first", "second", "third")]
    assert known(app, *words) == [False, True, True]
    assert json.loads(run("passwords status --format json").stdout)[1]["source"] == "b, c"


def test_what_a_killed_import_left_is_gone_with_the_next(run: Run, config: Config) -> None:
    left, other = (config.instance / f".imported.passwords.{end}" for end in ("netflix-iivjpqc2", "original"))
    for folder in (left, other):
        folder.mkdir()
        (folder / "draft").write_bytes(bytes(1000))
    run("passwords import -", given=WORDS[0])
    assert (left.exists(), other.exists()) == (False, True)


def test_a_site_that_is_serving_takes_a_new_list_at_once(run: Run, app: Flask) -> None:
    assert known(app, WORDS[0]) == [False]
    run("passwords import -", given=WORDS[0])
    assert known(app, WORDS[0]) == [True]
    assert run("passwords forget").output == "The imported list is gone.\n"
    assert known(app, WORDS[0]) == [False]
    assert run("passwords forget").output == ""


def test_lines_that_cannot_be_read_are_told_by_number_and_change_nothing(run: Run, app: Flask, path: Path) -> None:
    run("passwords import -", given=WORDS[0])
    path.write_bytes(b"one kettle at noon\ncaf\xe9 at noon\n" + b"x" * 100_000 + b"\ntwo kettles at noon\n")
    refused = run(f"passwords import {path}")
    assert (refused.exit_code, refused.stdout) == (7, "")
    assert f"{path}, line 2 is not UTF-8.\n" in refused.stderr
    assert f"{path}, line 3 is too long.\n" in refused.stderr
    assert "--skip-malformed" in refused.stderr
    assert known(app, WORDS[0], "one kettle at noon") == [True, False]
    skipped = run(f"passwords import {path} --skip-malformed")
    assert skipped.stdout == "2 passwords are refused now; read as passwords.\n"
    assert skipped.stderr == "2 lines could not be read, and left out.\n"
    assert known(app, WORDS[0], "one kettle at noon", "two kettles at noon") == [False, True, True]


@pytest.mark.parametrize("given", ["", "\n\n"])
def test_a_list_without_a_password_does_not_replace_the_last_one(run: Run, app: Flask, given: str) -> None:
    """Such as that of a pipe whose other end failed."""
    run("passwords import -", given=f"{WORDS[0]}\n")
    refused = run("passwords import - --skip-malformed", given=given)
    assert refused.exit_code == 7
    assert "nothing was changed" in refused.stderr
    assert known(app, WORDS[0]) == [True]


def test_of_many_such_lines_the_first_are_told(run: Run) -> None:
    refused = run("passwords import -", given=f"{HASHES[0]}\n" + "no hash\n" * 500)
    assert refused.exit_code == 7
    assert "500 lines cannot be read" in refused.stderr
    assert "\nMend that" in refused.stderr
    assert "line 11 " in refused.stderr
    assert "line 12 " not in refused.stderr
    assert "And 490 more." in refused.stderr


@pytest.mark.parametrize(
    "hashed", ["b4b9b02e6f09a9bd760f388b67351e2b", "0" * 64, "B4B9B02E6F09A9BD760F388B67351E2B:17"]
)
def test_hashes_of_another_kind_are_not_taken_for_passwords(run: Run, hashed: str) -> None:
    refused = run("passwords import -", given=hashed)
    assert refused.exit_code == 7
    assert "not SHA-1" in refused.stderr


@pytest.mark.parametrize(
    "given",
    [
        f"# pwned 2026\n{HASHES[0]}:9\n",
        f"{HASHES[0]}:9 \n{HASHES[1]}:9\n",
        f"hash,count\n{HASHES[0]},9\n",
        f"# pwned 2026\n{HASHES[0]}\n{HASHES[1]}\n",
        f"# NTLM\n{HASHES[0][:32]}:9\n",
        f"{HASHES[0]}:9\n".encode("utf-16"),
    ],
)
def test_hashes_below_another_first_line_do_not_replace_a_good_list(run: Run, app: Flask, given: str | bytes) -> None:
    run("passwords import -", given=WORDS[0])
    for skipping in ("", " --skip-malformed"):
        refused = run(f"passwords import -{skipping}", given=given)
        assert (refused.exit_code, refused.stdout) == (7, "")
        assert "so nothing was changed." in refused.stderr
    assert known(app, WORDS[0], f"{HASHES[0]}:9") == [True, False]


def test_a_password_that_looks_like_a_hash_is_a_password_among_others(run: Run, app: Flask) -> None:
    given = f"{WORDS[0]}\n{WORDS[1]}\n{HASHES[0]}\n"
    assert run("passwords import -", given=given).exit_code == 0
    assert known(app, WORDS[0], HASHES[0]) == [True, True]


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_broken_gzip_file_is_told_in_a_sentence(run: Run, path: Path, cut: int) -> None:
    path.write_bytes(gzip.compress("\n".join(HASHES * 9).encode())[:-cut])
    refused = run(f"passwords import {path}")
    assert refused.exit_code == 7
    assert "is compressed, and broken" in refused.stderr
    assert state(run) == ["ok", "none"]


def test_a_file_that_is_not_there_is_a_slip(run: Run, tmp_path: Path) -> None:
    assert run(f"passwords import {tmp_path / 'nowhere'}").exit_code == 2


def test_nothing_is_left_over_of_an_import(run: Run, config: Config) -> None:
    before = set(config.instance.iterdir())
    for _ in range(2):
        run("passwords import -", given="\n".join(WORDS))
    run("passwords import -", given=b"\xff")
    there = {path.name for path in set(config.instance.iterdir()) - before}
    assert there == {"imported.passwords", "admin-passwords-import.lock"}


def blocklists(app: Flask) -> list[tuple[str, dict[str, Any]]]:
    """What the record has of them."""
    kinds = ("authn_blocklist_imported", "authn_blocklist_deleted")
    with app.app_context():
        return [(row.kind, row.details) for row in event.following(Wanted(kinds=kinds))]


def test_what_is_refused_from_now_on_is_on_record(run: Run, app: Flask, path: Path) -> None:
    path.write_bytes("\n".join(WORDS).encode() + b"\ncaf\xe9 at noon\n")
    run(f"passwords import {path}")
    run(f"passwords import {path} --skip-malformed")
    run("passwords import -", given=WORDS[0])
    run("passwords forget")
    run("passwords forget")
    assert blocklists(app) == [
        ("authn_blocklist_imported", {"passwords": 4, "source": "list.txt", "left_out": 1}),
        ("authn_blocklist_imported", {"passwords": 1, "source": "-"}),
        ("authn_blocklist_deleted", {}),
    ]


def test_a_dry_run_reads_all_of_a_list_and_leaves_the_present_one(run: Run, app: Flask, path: Path) -> None:
    path.write_text("\n".join(WORDS))
    assert run(f"passwords import {path} --dry-run").output == (
        "Dry run: 4 passwords are refused now; read as passwords.\n"
    )
    assert run("passwords forget --dry-run").output == ""
    assert state(run) == ["ok", "none"]
    run(f"passwords import {path}")
    assert run("passwords forget --dry-run").output == "Dry run: The imported list is gone.\n"
    path.write_bytes(b"good one\n\xff\xff\n")
    assert run(f"passwords import {path} --dry-run").exit_code == 7
    assert known(app, *WORDS) == [True] * 4
    with app.app_context():
        assert len(list(event.following(Wanted(kinds=(event.Kind.BLOCKLIST_IMPORTED,))))) == 1


@pytest.mark.parametrize("command", ["import -", "forget"])
def test_where_it_cannot_be_recorded_the_list_stays_as_it_is(
    run: Run, app: Flask, config: Config, locked: Locked, no_commit: Locked, command: str
) -> None:
    run("passwords import -", given=WORDS[0])
    there = sorted(config.instance.glob("*passwords*"))
    for prevented in (locked, no_commit):
        with prevented():
            told = run(f"passwords {command}", given=WORDS[1])
        assert (told.exit_code, told.stdout) == (6, "")
        assert known(app, WORDS[0], WORDS[1]) == [True, False]
    assert [kind for kind, _ in blocklists(app)] == ["authn_blocklist_imported"]
    run("passwords forget")
    with no_commit():
        run("passwords import -", given=WORDS[1])
    assert known(app, WORDS[1]) == [False]
    assert {path.name for path in config.instance.glob("*passwords*")} - {path.name for path in there} <= {
        "admin-passwords-forget.lock"
    }


@pytest.mark.parametrize("command", ["import -", "forget"])
def test_two_at_once_are_one_after_the_other(run: Run, config: Config, command: str) -> None:
    with (config.instance / f"admin-passwords-{command.split()[0]}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        told = run(f"passwords {command}", given=WORDS[0])
    assert told.exit_code == 7
    assert "is running already. Let it end, or give --wait." in told.stderr
    assert run(f"passwords {command} --wait", given=WORDS[0]).exit_code == 0


def test_the_status_tells_what_is_in_use(run: Run) -> None:
    run("passwords import -", given="\n".join(WORDS))
    common, own = json.loads(run("passwords status --format json").stdout)
    assert (common["name"], common["state"], common["passwords"]) == ("common", "ok", 30000)
    assert (own["name"], own["state"], own["passwords"], own["source"]) == ("imported", "ok", 4, "-")
    assert own["error"] < 1e-6


def test_a_broken_list_is_told_and_keeps_nobody_out(run: Run, app: Flask, config: Config) -> None:
    run("passwords import -", given="\n".join(WORDS))
    path = config.instance / "imported.passwords"
    whole = path.read_bytes()
    for broken in (whole[:-1], b"", b"x" * 3000, whole[:200] + b"x" + whole[201:]):
        path.write_bytes(broken)
        told = run("passwords status")
        assert told.exit_code == 7
        assert "broken" in told.stdout
        with log():
            assert known(app, PASSWORD) == [False]
    assert state(run)[0] == "ok"


def test_a_try_says_what_would_be_said(run: Run) -> None:
    assert run("passwords check", given=f"{PASSWORD}\n").output == "That password can be taken.\n"
    refused = run("passwords check --email lovelace@example.org", given="lovelace12\n")
    assert (refused.exit_code, refused.stdout) == (7, "")
    assert refused.stderr == f"Error: {screening.NEAR}\n"


def test_at_a_terminal_it_is_asked_for_unseen(config: Config) -> None:
    seen = at_a_terminal(config, "passwords", "check", typed=[("Password:", "password1")])
    assert seen.exit_code == 7
    assert "password1" not in seen.screen
    assert "most common passwords" in seen.screen


def test_a_bar_is_shown_at_a_terminal_alone(config: Config, run: Run, path: Path) -> None:
    path.write_text("\n".join(f"a kettle {n} at noon" for n in range(50_000)))
    seen = at_a_terminal(config, "passwords", "import", str(path))
    assert seen.exit_code == 0
    assert "Reading" in seen.screen
    assert "50,000 passwords are refused now; read as passwords." in seen.screen
    assert run(f"passwords import {path}").output == "50,000 passwords are refused now; read as passwords.\n"


def test_a_report_counts_schemes_and_costs(run: Run, app: Flask, ada: str) -> None:
    run("users create zoe@example.org --generate")
    run("users create nil@example.org --link")
    bare = "$" + "2y$04$" + "W" * 21 + "e" + "N" * 30 + "o"
    lost, odd = f"hs384.00000000{bare.replace('2y', '2b')}", "scrypt:32768:8:1$salt$hash"
    with app.app_context():
        for n, kept in enumerate((bare, bare, bare.replace("$04$", "$12$"), lost, odd)):
            db.session.add(User(email=f"{n}@example.org", email_key=f"{n}@example.org", password_hash=kept))
        db.session.commit()
        ours = passwords.scheme_id(app.extensions["netflix-config"])
    rows = {(row["scheme"], row["rounds"]): row for row in json.loads(run("passwords report --format json").stdout)}
    assert rows.pop((ours, 4)) == {
        "scheme": ours,
        "rounds": 4,
        "users": 2,
        "must_change": 1,
        "state": "as today",
    }
    assert {key: row["users"] for key, row in rows.items()} == {
        ("bcrypt $2y$", 4): 2,
        ("bcrypt $2y$", 12): 1,
        ("hs384.00000000", 4): 1,
        ("none", None): 1,
        ("unknown", None): 1,
    }
    assert rows["bcrypt $2y$", 4]["state"] == "made anew at the next sign-in"
    assert rows["hs384.00000000", 4]["state"] == "of another key: give them a link"
    assert rows["unknown", None]["state"].startswith("cannot be read")


def test_a_report_is_one_statement(run: Run, app: Flask, ada: str) -> None:
    with app.app_context():
        engine = db.engine
    seen: list[str] = []
    listened.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    run("passwords report")
    assert len([statement for statement in seen if "user" in statement]) == 1


def test_what_a_check_costs_is_measured_and_a_cost_chosen(run: Run) -> None:
    told = run("passwords calibrate --target 1ms --format json")
    assert told.exit_code == 0
    rows = json.loads(told.stdout)
    assert [(row["rounds"], row["chosen"], row["present"]) for row in rows] == [(10, True, False)]
    assert rows[0]["milliseconds"] > 0
    assert "Set NETFLIX_BCRYPT_ROUNDS=10; it is 4 now." in told.stderr
    assert "the least that is safe" in told.stderr


def test_the_highest_cost_within_the_target_is_chosen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "seconds_of", lambda rounds: 2**rounds / 2**12 / 4)
    rows = json.loads(run("passwords calibrate --format json").stdout)
    assert [(row["rounds"], row["milliseconds"]) for row in rows] == [(10, 62.5), (11, 125), (12, 250), (13, 500)]
    assert [row["rounds"] for row in rows if row["chosen"]] == [12]
    told = run("passwords calibrate --target 0.5s")
    assert "13\t500.0\tyes\tno\n" in told.stdout


@pytest.mark.parametrize("target", ["soon", "0ms", "11s", "250"])
def test_what_is_no_target_is_a_slip(run: Run, target: str) -> None:
    assert run(f"passwords calibrate --target {target}").exit_code == 2
