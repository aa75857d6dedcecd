"""What a person sees: tables, colour, questions."""

import re
import signal
from pathlib import Path

from flask import Flask
from redis import Redis

from netflix.accounts.registration import create
from netflix.config import Config
from tests.cli.conftest import Run
from tests.cli.terminal import at_a_terminal, environment, in_a_pipe, interrupted_at, started, until
from tests.people import PASSWORD, Browser


def test_a_terminal_gets_a_heading_and_colour_and_a_pipe_neither(config: Config, ada: str) -> None:
    seen = at_a_terminal(config, "users", "list")
    assert seen.exit_code == 0
    assert "E-mail" in seen.screen
    assert "\x1b[" in seen.screen
    piped = in_a_pipe(config, "users", "list").stdout
    assert piped.startswith(f"{ada}\t")
    assert piped.count("\n") == 1
    assert "\x1b" not in piped


def test_an_error_is_red_at_a_terminal_that_shows_colours(config: Config) -> None:
    seen = at_a_terminal(config, "users", "show", "nobody@example.org")
    assert seen.screen.startswith("\x1b[31m\x1b[1mError:\x1b[0m There is no user nobody@example.org.")
    plain = at_a_terminal(config, "users", "show", "nobody@example.org", NO_COLOR="1").screen
    assert plain.startswith("Error: There is no user")
    program = at_a_terminal(config, "users", "show", "nobody@example.org", "--format", "json").screen
    assert program.startswith('{"error"')


def test_a_sentence_is_broken_between_words(config: Config) -> None:
    told = at_a_terminal(config, "users", "show", "nobody@example.org", columns=40, NO_COLOR="1").screen
    assert told == "Error: There is no user\nnobody@example.org. See\n`netflix-admin users list`.\n"


def test_numbers_of_a_simulation_stand_at_the_right(config: Config) -> None:
    log = str(Path(__file__).with_name("sign-ins.jsonl"))
    lines = at_a_terminal(config, "limits", "simulate", log).screen.rstrip().splitlines()
    assert len({len(re.sub("\x1b[^m]*m", "", line).rstrip()) for line in lines}) == 1


def test_no_line_is_wider_than_the_terminal(config: Config, app: Flask) -> None:
    with app.app_context():
        create("somebody.with.a.long.name@" + "a-long-domain." * 6 + "example.org", None)
        create("日本語の長い名前の利用者さん@例え.テスト", None)
    narrow = at_a_terminal(config, "users", "list", columns=80).screen.splitlines()
    assert len(narrow) == 3
    assert "…" in narrow[1]
    assert all("member" in line and "no password" in line and "just now" in line for line in narrow[1:])
    wide = at_a_terminal(config, "users", "list", columns=200).screen.splitlines()
    assert len(wide) == 3
    assert "…" not in wide[1]
    assert "Created" in wide[0]


def test_an_empty_listing_says_so_to_a_person(config: Config) -> None:
    assert at_a_terminal(config, "limits", "list").screen == "Nothing is counted now.\n"


def test_a_password_is_asked_for_twice_and_never_shown(config: Config, browser: Browser) -> None:
    made = at_a_terminal(
        config,
        "users",
        "create",
        "zoe@example.org",
        typed=[
            ("Password:", "short"),
            ("again:", "short"),
            ("Password:", PASSWORD),
            ("again:", "another"),
            ("Password:", PASSWORD),
            ("again:", PASSWORD),
        ],
    )
    assert made.exit_code == 0
    assert "Use at least 8 characters" in made.screen
    assert PASSWORD not in made.screen
    assert browser.sign_in("zoe@example.org").status_code == 303


def test_a_yes_is_asked_for_and_a_no_changes_nothing(config: Config, ada: str, run: Run) -> None:
    refused = at_a_terminal(config, "users", "delete", ada, typed=[("[y/N]", "n")])
    assert refused.exit_code == 7
    assert "Nothing was changed." in refused.screen
    assert ada in run("users list").stdout
    assert at_a_terminal(config, "users", "delete", ada, typed=[("[y/N]", "y")]).exit_code == 0
    assert ada not in run("users list").stdout


def test_ctrl_c_is_quiet_and_130(config: Config) -> None:
    stopped = interrupted_at(config, "Password:", "users", "create", "zoe@example.org")
    assert stopped.exit_code == 130
    assert "Traceback" not in stopped.screen
    assert "Aborted" not in stopped.screen


def test_one_user_is_shown_a_line_for_each_thing(config: Config, ada: str) -> None:
    seen = at_a_terminal(config, "users", "show", ada).screen
    assert ada in seen
    assert "never" in seen


def test_a_watch_shows_the_counters_anew_until_ctrl_c(config: Config, app: Flask, ada: str) -> None:
    for _ in range(5):
        Browser(app).sign_in(ada, "not the password")
    seen = interrupted_at(config, "192.0.2.10", "limits", "list", "--watch")
    assert seen.exit_code == 130
    assert "5 of 5" in seen.screen
    assert "5 are counted" in seen.screen
    assert "Traceback" not in seen.screen
    # The screen that was there before is back.
    assert "\x1b[?1049l" in seen.screen


def test_a_watch_goes_on_when_redis_was_away(
    config: Config, app: Flask, ada: str, redis_url: str, short_folder: Path
) -> None:
    Browser(app).sign_in(ada, "not the password")
    road, socket = short_folder / "watched.sock", redis_url.removeprefix("unix://")
    road.symlink_to(socket)
    env = environment(config) | {"NETFLIX_REDIS_URL": f"unix://{road}"}
    with started(env, ["limits", "list", "--watch"], 80) as (process, screen):
        seen = until(screen, "5 are counted", "")
        road.unlink()
        seen = until(screen, "Redis does not answer; trying again; Ctrl-C ends", seen)
        road.symlink_to(socket)
        seen = until(screen, "5 are counted", seen)
        process.send_signal(signal.SIGINT)
        seen = until(screen, None, seen)
        assert process.wait(30) == 130
    assert "192.0.2.10" in seen.partition("Redis does not answer")[2].partition("are counted")[0]


def test_a_counter_is_told_whole_in_80_columns(config: Config, app: Flask, ada: str) -> None:
    for _ in range(5):
        Browser(app).sign_in(ada, "not the password")
    heading, *rows = at_a_terminal(config, "limits", "list", columns=80).screen.splitlines()
    titles = re.sub("\x1b[^m]*m", "", heading).split()
    assert titles[:7] == ["Limit", "Lane", "Who", "Used", "Within", "Free", "in"]
    assert all("…" not in row for row in rows)
    shown = at_a_terminal(config, "limits", "show", "--account", ada, columns=80).screen
    assert "First" in shown
    assert "Last" in shown


def test_a_table_holds_no_more_than_somebody_reads(config: Config, redis: Redis) -> None:
    now = int(redis.time()[0]) * 1_000_000
    for n in range(1234):
        redis.rpush(f"netflix:limits:sign-in:address:60:10.0.{n >> 8}.{n & 255}", now)
    seen = at_a_terminal(config, "limits", "list").screen.splitlines()
    assert seen[-1].startswith("… and 234 more")
    assert len(seen) == 1002
