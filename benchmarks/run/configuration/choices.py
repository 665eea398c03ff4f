"""Whether what a user chooses by the options of the command line can be computed."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.errors import UserError

FEWEST_RESAMPLES = 100
"""With so many, the standard error of a standard error is 7 %."""

MOST = {
    **dict.fromkeys(("members", "pool", "replicates"), 1000),  # networks: hours of training
    **dict.fromkeys(("passes", "epochs"), 10_000),
    "resamples": 100_000,
}
"""What more of would be a typing error that takes days, or all memory."""

MOST_OF_OTHERS = 1_000_000
"""The same of images, which are no more than there are."""


def option_of(part: str) -> str:
    """The command line's name of a part of a configuration.

    >>> option_of("batch_sizes"), option_of("recipes")
    ('--batch-sizes', '--recipe')
    """
    named = {"recipes": "recipe", "custom_methods": "method"}
    return "--" + named.get(part, part).replace("_", "-")


def require_resampling(resamples: int, seed: int) -> None:
    """Raise a `UserError` if there are too few or too many resamples, or the seed is negative."""
    if resamples < FEWEST_RESAMPLES:
        raise UserError(
            f"--resamples: {resamples} is too small; expected at least {FEWEST_RESAMPLES}, since "
            "fewer give intervals of arbitrary width"
        )
    require_sensible("resamples", resamples)
    if seed < 0:
        raise UserError(f"--seed: {seed} is negative; expected a whole number from 0")


def require_known(part: str, names: tuple[str, ...], known: Iterable[str]) -> None:
    """Raise a `UserError` if a name is unknown."""
    for name in names:
        if name not in known:
            raise UserError(
                f"{option_of(part)}: unknown name {name!r}; choose from {', '.join(known)}"
            )


def require_any(part: str, chosen: tuple[object, ...]) -> None:
    """Raise a `UserError` if nothing is chosen."""
    if not chosen:
        raise UserError(
            f"{option_of(part)}: nothing is chosen; name at least one, or omit the option"
        )


def require_sensible(part: str, numbers: int | tuple[int, ...] | None) -> None:
    """Raise a `UserError` if a number is below 1 or too large."""
    for number in numbers if isinstance(numbers, tuple) else (numbers,):
        if number is not None and number < 1:
            raise UserError(f"{option_of(part)}: {number} is too small; expected at least 1")
        if number is not None and number > (most := MOST.get(part, MOST_OF_OTHERS)):
            raise UserError(f"{option_of(part)}: {number} is too large; expected at most {most}")
