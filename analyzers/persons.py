"""The mask of a person's name, number or account: the same wherever a workspace masks it, so that masks compare."""

from __future__ import annotations

import hashlib
import re

_MASK = re.compile(r"person-[0-9a-f]{10}")


def mask_of(value: str, key: bytes) -> str:
    """`person-` and ten hex digits of a keyed hash (RFC 7693); case and surrounding space do not matter."""
    digest = hashlib.blake2b(value.strip().casefold().encode(), key=key[:64], digest_size=5, person=b"person")
    return f"person-{digest.hexdigest()}"


def masked_person(value: str, key: bytes) -> str:
    """The mask of a value that may be one already, which then stays as it is."""
    return value if is_mask(value) else mask_of(value, key)


def is_mask(value: str) -> bool:
    """Whether a text has the form of a mask."""
    return _MASK.fullmatch(value) is not None
