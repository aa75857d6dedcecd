"""A PostgreSQL of the tests' own, for as long as they run."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.served.parts import program
from tests.served.visitor import free_port

# PostgreSQL refuses to be run by root, so root runs it as the user that Debian's package makes.
STEP_DOWN = () if os.geteuid() else ("runuser", "-u", "postgres", "--")


class PostgreSQL:
    """A server with as many empty databases as are asked for."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, database: str) -> str:
        return f"postgresql://netflix@127.0.0.1:{self.port}/{database}"

    def fresh(self, name: str) -> str:
        """The address of an empty database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)


@contextmanager
def running() -> Iterator[PostgreSQL]:
    initdb = program("initdb", "/usr/lib/postgresql/*/bin")
    pg_ctl = program("pg_ctl", "/usr/lib/postgresql/*/bin")
    folder = Path(tempfile.mkdtemp(prefix="nf-pg-"))
    if STEP_DOWN:
        shutil.chown(folder, "postgres")
    data, port = folder / "data", free_port()
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"

    def run(*command: str | Path) -> None:
        subprocess.run([*STEP_DOWN, *command], check=True, cwd=folder, stdout=subprocess.DEVNULL)

    try:
        run(initdb, "-N", "-A", "trust", "-U", "netflix", "-E", "UTF8", "--locale=C.UTF-8", "-D", data)
        run(pg_ctl, "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield PostgreSQL(port)
        finally:
            run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)
