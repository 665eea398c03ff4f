"""What the words of an option mean: several in one, and numbers."""

from __future__ import annotations

from benchmarks.errors import UserError

Names = list[str] | None


def separate(values: Names) -> tuple[str, ...] | None:
    """The words of an option, which may be separated by commas and given several times."""
    if values is None:
        return None
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def numbers(option: str, values: Names) -> tuple[int, ...] | None:
    """The numbers of an option, in their order.

    Raises:
        UserError: one is none.
    """
    words = separate(values)
    if words is None:
        return None
    for word in words:
        # Python itself reads no number of thousands of digits.
        if not word.isdecimal() or len(word) > 100:
            raise UserError(
                f"{option}: {word!r} is not a whole number; write, for example, {option} 10,50"
            )
    return tuple(sorted({int(word) for word in words}))
