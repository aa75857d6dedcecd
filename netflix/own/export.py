"""A copy of all that the site knows of a person, as JSON, for themselves.

No secret, digest or hash stands in it, nor what another did where. It is written to a file first, a batch of
events at a time: neither memory nor a database connection is held for as long as somebody takes to read it.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from netflix import clock, links
from netflix.accounts import email as addresses
from netflix.accounts.user import User
from netflix.errors import SignInRequired
from netflix.events import event, story
from netflix.events.event import Event, Kind, Wanted
from netflix.extensions import db
from netflix.factors.passkey import Passkey
from netflix.limits import counter, policy
from netflix.signin.device import Device
from netflix.signin.session import CurrentSession, ListedSession

IN_MEMORY = 256 * 1024
CHUNK = 64 * 1024


def exported(session: CurrentSession, address: str) -> IO[bytes]:
    """A file with the copy, open at its beginning. Raises TooManyAttempts."""
    counter.hit((policy.EXPORT_OF_ACCOUNT, addresses.normalised(session.email)))
    user = User.numbered(session.user_id)
    if user is None:
        raise SignInRequired
    event.record(Kind.DATA_EXPORTED, user.id, address)
    db.session.commit()
    file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  (read by whoever asked)
    for part in written(user, session.id):
        file.write(part.encode())
    db.session.rollback()
    file.seek(0)
    return file


def written(user: User, session_id: int) -> Iterator[str]:
    """The copy's text, in parts; the events, of which there may be many, stand last."""
    about = {
        "made_at": iso(clock.now()),
        "site": links.link("/"),
        "profile": profile(user),
        "browsers": [browser(listed, session_id) for listed in ListedSession.of(user.id)],
        "passkeys": [passkey(one) for one in Passkey.of(user.id)],
        "known_browsers": [known(device) for device in Device.of(user.id)],
    }
    yield f'{json.dumps(about, indent=1, ensure_ascii=False)[:-2]},\n "events": ['
    between = "\n  "
    for row in event.following(Wanted(user_ids=(user.id,))):
        yield between + json.dumps(happened(row), ensure_ascii=False)
        between = ",\n  "
    yield "\n ]\n}\n"


def profile(user: User) -> dict[str, Any]:
    return {
        "number": user.id,
        "email": user.email,
        "role": "administrator" if user.is_admin else "member",
        "has_password": user.has_password,
        "has_two_steps": user.totp_secret is not None,
        "member_since": iso(user.created_at),
        "last_sign_in_at": iso(user.signed_in_at),
    }


def browser(listed: ListedSession, session_id: int) -> dict[str, Any]:
    return {
        "browser": listed.browser,
        "user_agent": listed.user_agent,
        "address": listed.address,
        "signed_in_at": iso(listed.created_at),
        "last_seen_at": iso(listed.seen_at),
        "ends_at": iso(listed.expires_at),
        "stays_signed_in": listed.remembered,
        "this_one": listed.id == session_id,
    }


def known(device: Device) -> dict[str, Any]:
    return {
        "browser": device.browser,
        "user_agent": device.user_agent,
        "address": device.address,
        "first_seen_at": iso(device.created_at),
        "last_seen_at": iso(device.seen_at),
    }


def passkey(one: Passkey) -> dict[str, Any]:
    return {"name": one.name, "added_at": iso(one.created_at), "last_used_at": iso(one.used_at)}


def happened(row: Event) -> dict[str, Any]:
    return {
        "number": row.id,
        "at": iso(row.at),
        "kind": row.kind,
        "told": story.told(row),
        "address": story.address(row),
        "detail": row.details,
    }


def iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def read(file: IO[bytes]) -> Iterator[bytes]:
    """A file's content in parts; it is closed, and so gone, when all was read or nobody reads on."""
    with file:
        while part := file.read(CHUNK):
            yield part
