"""Who holds a lease, and whether that process is dead.

A holder is a text that names a process for good: its host, its number, when it started, the
namespace that the number counts in, and a nonce. A process of this machine that has died can be
told by it, so that its lease need not be waited for.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

__all__ = ["is_dead", "this_holder"]

_UNKNOWN = "-"


def this_holder() -> str:
    """Return the text by which this process holds leases; another one after a fork.

    Its parts, separated by ``;``, are host, process number, start time, namespace and nonce. A
    part that this system does not tell is ``-``.
    """
    return _holder_of(os.getpid())


@cache
def _holder_of(pid: int) -> str:
    parts = (_host(), str(pid), _started(pid), _namespace(), os.urandom(4).hex())
    return ";".join(parts)


def is_dead(holder: str) -> bool:
    """Whether it is certain that the process which `this_holder` named in `holder` is gone.

    False whenever it cannot be known: another host or namespace, another kind of text, or a system
    that does not tell when a process started while one of that number runs.
    """
    parts = holder.split(";")
    if len(parts) != 5 or not parts[1].isdecimal():
        return False
    host, number, started, namespace, _ = parts
    if host != _host() or namespace != _namespace():
        return False
    pid = int(number)
    if not _runs(pid):
        return True
    found = _started(pid)
    return _UNKNOWN not in (started, found) and started != found


def _host() -> str:
    import socket

    # Two machines may have been given one name; their ids differ.
    name = socket.gethostname().replace(";", "_") or _UNKNOWN
    return f"{name}/{_machine()}"


@cache
def _machine() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            return Path(path).read_text(encoding="ascii").strip()[:32] or _UNKNOWN
        except (OSError, UnicodeDecodeError):
            continue
    return _UNKNOWN


def _namespace() -> str:
    # Two containers of one host name have a process 7 each.
    try:
        return os.readlink("/proc/self/ns/pid")
    except (OSError, AttributeError):
        return _UNKNOWN


def _started(pid: int) -> str:
    """When a process started: which start of the machine, and how many ticks after it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return _UNKNOWN
    # The name in brackets may hold anything; the fields are counted from behind it.
    fields = stat.rpartition(b")")[2].split()
    if fields[0] in (b"Z", b"X"):
        return "ended"
    return f"{boot}:{fields[19].decode('ascii')}"


def _runs(pid: int) -> bool:
    if os.name == "nt":
        # os.kill would end the process there; that its lease runs out has to be waited for.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
