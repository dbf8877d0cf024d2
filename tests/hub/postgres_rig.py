"""A real PostgreSQL on loopback, by an unprivileged user, with its files in a folder of its own."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from hub_rig import free_port


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found and (initdb := shutil.which("initdb")):
        found = [Path(initdb)]
    assert found, "PostgreSQL is not installed: scripts/setup test"
    return found[-1].parent


class Postgres:
    """A server that can be stopped, killed, frozen and started again on the same port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.password = secrets.token_urlsafe(12)
        self.folder = Path(tempfile.mkdtemp(prefix="hub-postgres-"))
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        given = self.folder / "password"
        given.write_text(self.password)
        if self._user:
            for path in (self.folder, given):
                shutil.chown(path, self._user)
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "hub", "-A", "scram-sha-256", "--no-sync")
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\n"
                "shared_buffers = '32MB'\nlog_min_messages = 'fatal'\n"
            )
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        more = ["--pwfile", str(self.folder / "password"), "--locale", "C.UTF-8"] if program == "initdb" else []
        subprocess.run([_programs() / program, *arguments, *more], check=True, capture_output=True, user=self._user)

    def start(self) -> None:
        data = str(self.folder / "data")
        self._process = subprocess.Popen(
            [_programs() / "postgres", "-D", data],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            cwd=self.folder,
        )
        for _ in range(2400):  # after a fall it looks at every file first
            try:
                with self.connect():
                    return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise RuntimeError("PostgreSQL does not listen")

    def connect(self, database: str = "postgres") -> "psycopg.Connection[Any]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="hub", password=self.password, dbname=database, autocommit=True
        )

    def kill(self) -> None:
        """As by a cut of power: nothing is written any more."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)  # its children end with it, at once
            self._process.wait(20)
            self._process = None

    def cut_connections(self, database: str) -> None:
        """End all of the hub's connections, in the middle of whatever they do."""
        with self.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname=%s AND pid != pg_backend_pid()",
                (database,),
            )

    def new(self, folder: Path) -> dict[str, Any]:
        """An empty database, as the `database` of a configuration whose folder this is."""
        self._made += 1
        name = f"hub_{self._made}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        (folder / "postgres-password").write_text(self.password + "\n")
        url = f"postgresql+psycopg://hub@127.0.0.1:{self.port}/{name}"
        return {"url": url, "password": {"file": "postgres-password"}}

    def copy(self, source: dict[str, Any], to: dict[str, Any]) -> None:
        """`pg_dump` of one, while it is used, and `pg_restore` into another, an empty one."""
        paths = [str(given["url"]).replace("postgresql+psycopg", "postgresql") for given in (source, to)]
        environment = {**os.environ, "PGPASSWORD": self.password}
        dump = [_programs() / "pg_dump", "--format=custom", paths[0]]
        kept = subprocess.run(dump, check=True, capture_output=True, env=environment).stdout
        restore = [_programs() / "pg_restore", "--exit-on-error", "--dbname", paths[1]]
        subprocess.run(restore, input=kept, check=True, capture_output=True, env=environment)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
