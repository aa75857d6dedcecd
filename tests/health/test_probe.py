"""Whom the site takes a visitor for is told to the doctor alone."""

from datetime import timedelta

from flask import Flask
from redis import Redis

from netflix.health import probe
from tests.conftest import Build
from tests.people import Browser
from tests.watching import round_trips


def test_the_doctor_is_told_and_a_stranger_finds_nothing(app: Flask, browser: Browser) -> None:
    empty = browser.get("/healthz/nothing")
    with app.app_context(), probe.opened() as carried:
        told = browser.get(probe.PATH, headers={probe.HEADER: carried, "X-Forwarded-For": "203.0.113.7"})
        assert told.json == {
            "address": "192.0.2.10",
            "peer": "192.0.2.10",
            "scheme": "http",
            "port": "80",
            "forwarded": "203.0.113.7",
            "trusted": [],
        }
        assert told.headers["Cache-Control"] == "no-store"
        for shown in ("", carried[:-1], f"{carried}=", carried.swapcase(), "x" * 43):
            answer = browser.get(probe.PATH, headers={probe.HEADER: shown})
            assert (answer.status_code, answer.data) == (404, empty.data)
        assert browser.get(f"{probe.PATH}?{probe.HEADER}={carried}").status_code == 404
    assert browser.get(probe.PATH, headers={probe.HEADER: carried}).status_code == 404


def test_it_lasts_for_a_minute_and_only_its_digest_is_kept(app: Flask, redis: Redis) -> None:
    with app.app_context(), probe.opened() as carried:
        (name,) = redis.keys()
        assert carried.encode() not in name
        assert 0 < redis.ttl(name) <= timedelta(minutes=1).total_seconds()
    assert redis.keys() == []


def test_what_cannot_be_one_costs_no_round_trip(browser: Browser) -> None:
    with round_trips() as asked:
        browser.get(probe.PATH)
        browser.get(probe.PATH, headers={probe.HEADER: "a guess"})
    assert asked == []


def test_without_redis_nothing_is_told(build: Build) -> None:
    away = Browser(build(redis_url="unix:///nowhere/redis.sock"))
    assert away.get(probe.PATH, headers={probe.HEADER: "x" * 43}).status_code == 404
