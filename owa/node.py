"""Names the processes that hold something, and tells which of them are no more."""

import os
import socket


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
