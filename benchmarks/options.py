"""How the commands' options are declared, those that several have, and how their text is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from benchmarks.io import UserError
from benchmarks.vocabulary import ALL

Number = TypeVar("Number", int, float)


def path_in(text: str | Path) -> Path:
    """The path that an option names; `Path` would take an empty name for the current folder."""
    if not str(text).strip():
        raise typer.BadParameter("the name is empty; name a folder, or write . for this one")
    return Path(text)


def separate(values: list[str] | None) -> tuple[str, ...] | None:
    """The words of an option, which may be separated by commas and given several times."""
    if values is None:
        return None
    return tuple(word.strip() for value in values for word in value.split(",") if word.strip())


def integers(option: str, values: list[str] | None) -> tuple[int, ...] | None:
    """The whole numbers of an option, in their order."""
    return _numbers(option, values, int, r"\d{1,100}", "whole number", "50")


def floats(option: str, values: list[str] | None) -> tuple[float, ...] | None:
    """The numbers of an option, in their order."""
    return _numbers(option, values, float, r"\d{1,100}(\.\d{1,100})?", "number", "1,5")


def _numbers(
    option: str, values: list[str] | None, kind: type[Number], form: str, what: str, example: str
) -> tuple[Number, ...] | None:
    words = separate(values)
    for word in words or ():
        # Python itself reads no number of thousands of digits.
        if not re.fullmatch(form, word, re.ASCII):
            raise UserError(
                f"{option}: {word!r} is not a {what}; write, for example, {option} {example}"
            )
    return None if words is None else tuple(sorted(map(kind, words)))


def image_limit(option: str, text: str | None) -> int | str | None:
    """How many images an option says: a number, or all."""
    if text is None or text == ALL:
        return text
    numbers = integers(option, [text])
    if numbers is None or len(numbers) != 1:
        raise UserError(f"{option}: {text!r} is not one number; write a number, or {ALL}")
    return numbers[0]


def option(panel: str, **common: Any) -> Callable[..., Any]:
    """A function of a help text that declares an option of a group in the help."""

    def declared(text: str, *names: str, **own: Any) -> Any:
        return typer.Option(*names, help=text, **{"rich_help_panel": panel} | common | own)

    return declared


what, where, how = option("What"), option("Where"), option("How")
how_much = option("How much", metavar="N")
flag, end = option("How", metavar=" "), option("Options", metavar=" ")
path = option("Where", metavar="PATH", parser=path_in)
shown = option("What is shown", metavar="NAME,…", show_default="all")
by_preset = partial(option, show_default="the preset's")
number = by_preset("How much", metavar="N")
numbers = by_preset("How much", metavar="N,…")
named, names = by_preset("What", metavar="NAME"), by_preset("What", metavar="NAME,…")

PresetSetting = Annotated[
    str,
    what(
        "The rest of the options: quick (a first look), full (all methods, networks and images), "
        "article (its claims) or published (numbers of other papers).",
        metavar="NAME",
    ),
]
EpochsSetting = Annotated[
    int | None, how_much("Epochs of training.", show_default="the preset's, or the recipe's")
]
SeedSetting = Annotated[int, how("Every random choice follows from it.", metavar="N")]
DeviceSetting = Annotated[
    Literal["auto", "cpu", "cuda"],
    how("Where networks are trained and evaluated; auto: on a GPU, if there is one."),
]
EngineSetting = Annotated[
    Literal["auto", "numba", "torch"],
    how("What computes: compiled kernels (numba, on the CPU) or PyTorch; auto: as fits."),
]
DataSetting = Annotated[
    Path | None,
    path(
        "A folder of your data sets; what it lacks is downloaded to the cache.",
        envvar="UNCERTAINTY_BENCH_DATA",
    ),
]
NetworksSetting = Annotated[
    Path | None,
    path(
        "Trained networks, shared by all runs: what is there is not trained again.",
        show_default="the cache",
    ),
]
RunArgument = Annotated[
    Path, typer.Argument(help="The folder of a run.", parser=path_in, metavar="RUN")
]
