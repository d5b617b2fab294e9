"""Names the processes that hold something, and tells which of them are no more."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path


def this_process() -> str:
    """`host:pid`: what this process is called where several share a database."""
    return f"{socket.gethostname()}:{os.getpid()}"


def has_ended(process: str) -> bool:
    """Whether a process of this machine, named as by `this_process`, has ended. Of other machines nobody knows: False.

    May err where machines share a name: what a process holds must be proved by more than that it lives.
    """
    host, _, pid = process.rpartition(":")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False


@dataclass(frozen=True, slots=True)
class Living:
    """A process of this machine, as far as the system tells."""

    pid: int
    user: int | None
    """Whose it is, by number."""
    started_at: float | None
    """Seconds since the epoch."""
    is_stopped: bool
    """By a signal: it does nothing until it is let go on."""
    command: str
    """Its command line, cut; empty: not known."""


def pid_here(process: str) -> int | None:
    """The number of a process named as by `this_process`; None: it is none of this machine, or has ended."""
    host, _, pid = process.rpartition(":")
    here = host == socket.gethostname() and pid.isdecimal() and not has_ended(process)
    return int(pid) if here else None


def living(pid: int) -> Living:
    """What the system tells of a process that is there; on systems without /proc that is little."""
    folder = Path("/proc", str(pid))
    try:
        user = folder.stat().st_uid
        state, *fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        started_at = _booted_at() + int(fields[18]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return Living(pid, None, None, is_stopped=False, command="")
    return Living(pid, user, started_at, state in (b"T", b"t"), words[:200])


def stopped_by_a_signal(who: Living) -> str:
    """That it is, and what to do about it, in sentences."""
    return (
        f"Process {who.pid} ({who.command or 'not of this user'}), which has it, was stopped by a signal. "
        f"Let it go on: kill -CONT {who.pid}; or end it: kill -9 {who.pid} (nothing is lost)."
    )


def _booted_at() -> float:
    lines = Path("/proc/stat").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("btime "))
