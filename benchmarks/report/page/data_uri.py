"""Pictures within the page."""

from __future__ import annotations

from base64 import b64encode


def data_uri(png: bytes) -> str:
    """A PNG as an address that needs no file (RFC 2397).

    >>> data_uri(b"png")
    'data:image/png;base64,cG5n'
    """
    return f"data:image/png;base64,{b64encode(png).decode('ascii')}"
