"""Serving the site with Granian: what `make run` and `python app.py` do."""

import ctypes
import errno
import os
import shutil
import signal
import socket
import sys
import threading
import time
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from sqlalchemy import select

from netflix import bodies, database, embedded, schema
from netflix.accounts import hashing
from netflix.accounts.user import User
from netflix.config import Config
from netflix.errors import ConfigError, NotMigrated, Refusal
from netflix.site import create_app

# Threads that answer: the larger part may be held by slow senders, a few by hashing, the rest are for the pages.
# They are made when needed, and the interpreter runs one at a time.
THREADS = bodies.AT_ONCE + bodies.WAITING + hashing.PLACES + 8
# Milliseconds; and bytes, since a head of hundreds of thousands takes a second to parse.
HEADERS_WITHIN = 10_000
LONGEST_HEAD = 32 * 1024
# Seconds that a worker has to end by itself.
KILLED_AFTER = 10
# Of Linux's prctl(2): the signal that a process gets when its parent ends.
PR_SET_PDEATHSIG = 1
# Of glibc's mallopt(3).
M_ARENA_MAX = -8


def serve(migrate: bool = False) -> None:
    """Serves until SIGINT or SIGTERM; `migrate` brings an older database up first.

    Exits with the refusal's code and sentence when it cannot start.
    """
    # Whatever mode the folder has, what is written in it is for its owner alone.
    os.umask(0o077)
    try:
        config = Config.from_env(os.environ)
        address, port = bound(config)
        config = replace(config, port=port)
        try:
            schema.check(config)
        except NotMigrated:
            if not migrate:
                raise
            schema.upgrade()
            schema.check(config)
        with embedded.running(config) if config.keeps_own_redis else nullcontext():
            tell_address(config)
            print(welcome(config), flush=True)
            try:
                server(config, address).serve()
            finally:
                forget_address(config)
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(refusal.exit_code)


class Server(Granian):  # type: ignore[misc, valid-type]
    """Granian, which would start its workers anew when its terminal is closed."""

    def signal_handler_reload(self, *args: Any, **more: Any) -> None:
        self.signal_handler_interrupt(*args, **more)

    def shutdown(self, exit_code: int = 0) -> None:
        """To be told to end is no failure, also where a worker was told so first."""
        try:
            super().shutdown(exit_code)
        except SystemExit:
            if exit_code or not self.interrupt_signal:
                raise


def end_when_told() -> None:
    """Ends the worker at the first SIGTERM, in a thread that waits for it.

    Granian's own handler, run by the signal in the main thread, can wait for a lock which that thread holds when
    a second signal follows at once, as it does where a whole group of processes is told.
    """
    signal.sigwait({signal.SIGTERM})
    told = signal.getsignal(signal.SIGTERM)
    if told is signal.SIG_DFL or not callable(told):
        # Granian does not listen yet. A moment later than the server, which was told too, or it would miss its worker.
        time.sleep(0.2)
        os._exit(0)
    told(signal.SIGTERM, None)


def server(config: Config, address: str) -> Any:
    return Server(
        "netflix.serve:worker",
        factory=True,
        interface=Interfaces.WSGI,
        address=address,
        port=config.port,
        workers=config.workers,
        blocking_threads=THREADS,
        backpressure=1024,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN, max_buffer_size=LONGEST_HEAD),
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=KILLED_AFTER,
    )


def worker() -> Flask:
    """The site in one of the server's processes."""
    # Ctrl-C, a closed terminal and a service manager reach every process of it, and the server tells its workers too.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP, signal.SIGTERM})
    # The server's own handler, which its workers inherit, means nothing here.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=end_when_told, daemon=True).start()
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        # When the server is killed, its workers would go on and hold the port.
        library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        # Many threads share two heaps; each its own would keep megabytes that nobody uses.
        library.mallopt(M_ARENA_MAX, 2)
    return create_app()


def tell_address(config: Config) -> None:
    """For the terminal, whose links would else name the port of its own settings."""
    draft = config.served_at.with_suffix(".new")
    draft.write_text(config.address)
    draft.replace(config.served_at)


def forget_address(config: Config) -> None:
    """Unless another site on the same folder has told its own since."""
    with suppress(FileNotFoundError):
        if config.served_at.read_text() == config.address:
            config.served_at.unlink()


def welcome(config: Config) -> str:
    first = f"Make the first administrator: {admin_command()} users create you@example.org --admin\n"
    return f"Netflix is at {config.address}\n{'' if has_administrator(config) else first}Stop with Ctrl-C."


def has_administrator(config: Config) -> bool:
    engine = database.engine(config.database_url)
    try:
        with engine.connect() as connection:
            wanted = select(User.id).where(User.is_admin, User.disabled_at.is_(None)).limit(1)
            return connection.execute(wanted).first() is not None
    finally:
        engine.dispose()


def admin_command() -> str:
    """How the terminal command is typed from here."""
    beside = Path(sys.executable).with_name("netflix-admin")
    if shutil.which("netflix-admin") == str(beside):
        return "netflix-admin"
    if not beside.exists():
        return f"{Path(sys.executable).name} -m cli"
    return os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)


def bound(config: Config) -> tuple[str, int]:
    """The host's numeric address, which is all that Granian takes, and the port, a free one where any would do.

    Raises ConfigError where it cannot be listened on.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            return str(address[0]), trial.getsockname()[1]
    except OSError as error:
        named = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        at_fault, accepted = ("HOST", "a name or address of this machine") if named else ("PORT", "a port that is free")
        where = f"{config.host} port {config.port} cannot be listened on ({error.strerror})"
        raise ConfigError([f"NETFLIX_{at_fault}: {where}; it accepts {accepted}."]) from error
