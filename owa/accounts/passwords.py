"""Passwords, stored as argon2id hashes."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from owa.errors import UsageError

SHORTEST = 8
LONGEST = 1_000
"""Characters. Longer texts would only keep the processor busy."""

_HASHER = PasswordHasher()


def check_password(password: str) -> None:
    """Raises `UsageError` when it will not do as a new password."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(f"A password has {SHORTEST} to {LONGEST} characters.", "A sentence is a good one.")


def random_password() -> str:
    """96 random bits."""
    return secrets.token_urlsafe(12)


def hashed(password: str) -> str:
    """What is stored of a password."""
    return _HASHER.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether it is the password. Takes as long for a user whom nobody knows (None)."""
    try:
        _HASHER.verify(stored or _nobodys(), password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None and len(password) <= LONGEST


def is_outdated(stored: str) -> bool:
    """Whether it was hashed with other parameters than those of today."""
    return _HASHER.check_needs_rehash(stored)


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe())
