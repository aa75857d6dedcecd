"""The site as the terminal reaches it: each part is loaded when it is first used, so that help needs none of it."""

import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

import netflix
from netflix.errors import Declined

# ruff: noqa: F401  (for the type checker, and for the modules beside this one)
if TYPE_CHECKING:
    import redis.exceptions as redis_errors
    import sqlalchemy.exc as database_errors

    from netflix import config, database, errors, orders, schema, trial, values
    from netflix.accounts import (
        blocklist,
        counted,
        email,
        invitation,
        password,
        registration,
        roll,
        screening,
        survey,
        user,
        wordlist,
    )
    from netflix.administration import directory, exporting, importing, listing, rights
    from netflix.bans import ban, network
    from netflix.events import event, verification
    from netflix.factors import passkey, recovery_code, rehearsal, removal
    from netflix.health import doctor
    from netflix.limits import address, counter, outage, policy, proposal, standing
    from netflix.lockdown import lockdown
    from netflix.mail import courier, delivery, outbox
    from netflix.signin import access, device, freeing, logged, recovery, replay, session, simulation
    from netflix.upkeep import backup, expiry, migration, restore
else:
    PARTS = {
        "access": "netflix.signin.access",
        "address": "netflix.limits.address",
        "ban": "netflix.bans.ban",
        "backup": "netflix.upkeep.backup",
        "blocklist": "netflix.accounts.blocklist",
        "config": "netflix.config",
        "counted": "netflix.accounts.counted",
        "counter": "netflix.limits.counter",
        "database": "netflix.database",
        "database_errors": "sqlalchemy.exc",
        "courier": "netflix.mail.courier",
        "delivery": "netflix.mail.delivery",
        "device": "netflix.signin.device",
        "directory": "netflix.administration.directory",
        "doctor": "netflix.health.doctor",
        "email": "netflix.accounts.email",
        "errors": "netflix.errors",
        "freeing": "netflix.signin.freeing",
        "importing": "netflix.administration.importing",
        "invitation": "netflix.accounts.invitation",
        "event": "netflix.events.event",
        "exporting": "netflix.administration.exporting",
        "expiry": "netflix.upkeep.expiry",
        "listing": "netflix.administration.listing",
        "lockdown": "netflix.lockdown.lockdown",
        "logged": "netflix.signin.logged",
        "migration": "netflix.upkeep.migration",
        "network": "netflix.bans.network",
        "orders": "netflix.orders",
        "outage": "netflix.limits.outage",
        "outbox": "netflix.mail.outbox",
        "password": "netflix.accounts.password",
        "policy": "netflix.limits.policy",
        "proposal": "netflix.limits.proposal",
        "recovery": "netflix.signin.recovery",
        "passkey": "netflix.factors.passkey",
        "recovery_code": "netflix.factors.recovery_code",
        "redis_errors": "redis.exceptions",
        "registration": "netflix.accounts.registration",
        "rights": "netflix.administration.rights",
        "replay": "netflix.signin.replay",
        "restore": "netflix.upkeep.restore",
        "roll": "netflix.accounts.roll",
        "standing": "netflix.limits.standing",
        "survey": "netflix.accounts.survey",
        "screening": "netflix.accounts.screening",
        "rehearsal": "netflix.factors.rehearsal",
        "removal": "netflix.factors.removal",
        "schema": "netflix.schema",
        "session": "netflix.signin.session",
        "simulation": "netflix.signin.simulation",
        "user": "netflix.accounts.user",
        "trial": "netflix.trial",
        "values": "netflix.values",
        "verification": "netflix.events.verification",
        "wordlist": "netflix.accounts.wordlist",
    }

    def __getattr__(name):
        if name not in PARTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = import_module(PARTS[name])
        return globals()[name]


P = ParamSpec("P")
T = TypeVar("T")


def instance() -> Path:
    """The folder of the site that a command runs in."""
    return import_module("flask").current_app.extensions["netflix-config"].instance


def let_go() -> None:
    """No connection is left for the interpreter's end to complain of."""
    db = import_module("netflix.extensions").db
    db.session.remove()
    db.engine.dispose()


@contextmanager
def unlogged() -> Iterator[None]:
    """The record has what the operator does; its lines are for the log of the site, not for the terminal."""
    log = import_module("logging").getLogger("netflix.event")
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = False


def check_owner(folder: Path | None) -> None:
    """Raises Declined for root in another's folder: what root wrote there, its keys too, the site could not open."""
    owner = folder.stat().st_uid if folder and folder.exists() else 0
    if os.geteuid() == 0 and owner != 0:
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"#{owner}"
        raise Declined(f"The site in {folder} belongs to {name}.", f"Run it as `sudo -u {name} netflix-admin …`.")


def within(command: Callable[P, T], migrated: bool = True, makes: bool = False) -> Callable[P, T]:
    """Runs a command inside the site, which is built now; a test hands its own over as Flask's ScriptInfo.

    `migrated`: whether the database must be of this version. `makes`: whether its folder and keys are made where they
    are not there; every other command would make a site by a slip in NETFLIX_INSTANCE.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        # What is written in the instance folder is for its owner alone.
        os.umask(0o077)
        ctx = click.get_current_context()
        if ctx.obj:
            app = ctx.obj.load_app()
        else:
            # Before anything is made in it.
            named, settings = os.environ.get("NETFLIX_INSTANCE"), import_module("netflix.config")
            check_owner(Path(named) if named else settings.default_instance())
            app = netflix.create_app(settings.Config.from_env(os.environ, makes and not kwargs.get("dry_run")))
        if migrated:
            import_module("netflix.schema").check(app.extensions["netflix-config"])
        ctx.with_resource(app.app_context())
        ctx.with_resource(unlogged())
        ctx.call_on_close(let_go)
        return command(*args, **kwargs)

    return run
