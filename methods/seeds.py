"""Seeds for independent random streams, hashed from what each stream is for."""

from __future__ import annotations

from hashlib import sha256


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2^63) that depends on every part: SHA-256 of their textual form.

    Streams that differ in any part are independent for all practical purposes, and none depends
    on the order in which others are drawn.

    >>> derive_seed("network", 0, 1) == derive_seed("network", 0, 1)
    True
    >>> derive_seed("network", 0, 1) == derive_seed("network", 0, 2)
    False
    """
    return int.from_bytes(sha256(repr(parts).encode()).digest()[:8], "big") >> 1
