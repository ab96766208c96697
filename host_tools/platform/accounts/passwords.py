"""Passwords, hashed with argon2id (RFC 9106)."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

# 19 MiB and two passes: OWASP's minimum, 20 ms on a small machine.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

_NOBODY = _HASHER.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Return the salted hash of a password; takes tens of milliseconds."""
    return _HASHER.hash(password)


def matches(password: str, password_hash: str | None) -> bool:
    """Tell whether the password belongs to the hash; takes tens of milliseconds.

    Args:
        password: What was typed.
        password_hash: None for an unknown user, which takes as long as a known one, so that
            nobody learns from the time which users exist.
    """
    try:
        return _HASHER.verify(password_hash or _NOBODY, password) and password_hash is not None
    except VerificationError:
        return False
