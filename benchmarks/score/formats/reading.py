"""What the readers of files share: one line for a file that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.errors import UserError


@contextmanager
def read_as(kind: str, remedy: str) -> Iterator[None]:
    """Turn what a library raises of a damaged file into a `UserError`.

    Args:
        kind: what the file is expected to be.
        remedy: how such a file is written.
    """
    try:
        yield
    except (UserError, MemoryError):
        raise
    except OSError as error:
        raise UserError(
            f"the file cannot be read ({error.strerror or 'it is damaged'}); {remedy}"
        ) from error
    # A library raises nearly anything of bytes that it does not expect.
    except Exception as error:
        raise UserError(f"this is not {kind}, or it is damaged; {remedy}") from error
