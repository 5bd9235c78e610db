"""A go-between for a database connection that can swallow an answer and hang up."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path


class LossyProxy:
    """Forwards between clients and the socket of a server, until `swallow` is set."""

    def __init__(self, server: Path, folder: Path) -> None:
        self.server = server
        self.swallow = threading.Event()
        self.swallowed = 0
        self.folder = folder
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / server.name))
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed at the end
            while True:
                client, _ = self.listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self.server))
                for source, target, answers in ((client, server, False), (server, client, True)):
                    threading.Thread(
                        target=self._pump, args=(source, target, answers), daemon=True
                    ).start()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if answers and self.swallow.is_set():
                    self.swallow.clear()
                    self.swallowed += 1
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextlib.contextmanager
def lossy_proxy(server: Path) -> Iterator[LossyProxy]:
    """A proxy before a server's socket; `folder` is the host to connect to."""
    with tempfile.TemporaryDirectory(prefix="clawvm-") as folder:
        proxy = LossyProxy(server, Path(folder))
        try:
            yield proxy
        finally:
            proxy.close()
