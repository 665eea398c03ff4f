"""Decompress what may be a bomb: never to more bytes than the content can have."""

from __future__ import annotations

import zlib
from gzip import GzipFile
from io import BytesIO

GZIP = b"\x1f\x8b"
"""What a gzip file starts with."""


class NotUnpacked(ValueError):
    """Bytes that are no whole gzip file, or hold more than they may; the message says which."""


def unpacked(stored: bytes, most: int) -> bytes:
    """The content of a gzip file; other bytes are their own content.

    Args:
        stored: the file.
        most: how many bytes the content may have; not many more are ever decompressed.

    Raises:
        NotUnpacked: the file is damaged, or holds more.

    >>> from gzip import compress
    >>> unpacked(compress(b"content"), most=7), unpacked(b"content", most=7)
    (b'content', b'content')
    """
    content = stored
    if stored.startswith(GZIP):
        try:
            with GzipFile(fileobj=BytesIO(stored)) as file:
                content = file.read(most + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise NotUnpacked(f"a damaged gzip file ({error})") from error
    if len(content) > most:
        raise NotUnpacked(f"more than {most:,} bytes")
    return content
