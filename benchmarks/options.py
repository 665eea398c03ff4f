"""What a run computes, part by part, each an option; and the options that several commands have."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from benchmarks.io import UserError

ALL = "all"
"""How many images there are where no limit is chosen."""

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

EpochsSetting = Annotated[
    int | None, how_much("Epochs of training.", show_default="the preset's, or the recipe's")
]
SeedSetting = Annotated[int, how("Every random choice follows from it.", metavar="N")]
DeviceChoice = Literal["auto", "cpu", "cuda"]
EngineChoice = Literal["auto", "numba", "torch"]
ScoreChoice = Literal["all", "unfitted"]
DEVICE = how("Where networks are trained and evaluated; auto: on a GPU, if there is one.")
ENGINE = how("What computes: compiled kernels (numba, on the CPU) or PyTorch; auto: as fits.")
DeviceSetting = Annotated[DeviceChoice, DEVICE]
EngineSetting = Annotated[EngineChoice, ENGINE]
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


@dataclass(frozen=True)
class RunParts:
    """What a run computes; `benchmarks.run.configuration.Configuration` checks it.

    A part with an option is chosen by it on the command line, and in Python by an argument of its
    own name; the others follow from the preset. A second note is its type on the command line.

    Attributes:
        severity_images: how many of each but the clean one, the same of all of a group; ``None``:
            as many.
        subset_images: how many of each subset condition, on which slow methods are evaluated.
        resamples: how often images are drawn anew, for intervals where no influence is known.
    """

    preset: Annotated[
        str,
        what(
            "The rest of the options: quick (a first look), full (all methods, networks and "
            "images), article (its claims) or published (numbers of other papers).",
            metavar="NAME",
        ),
    ]
    task: Annotated[str, what("What is classified.", metavar="NAME")]
    recipe: Annotated[str, named("How networks are trained.")]
    methods: Annotated[tuple[str, ...], names("Methods that are compared.")]
    conditions: Annotated[
        tuple[str, ...], names("Sets of images, or globs such as 'rotated-*'; clean is among them.")
    ]
    members: Annotated[tuple[int, ...], numbers("Networks of an ensemble.")]
    passes: Annotated[tuple[int, ...], numbers("Passes of MC-dropout.")]
    budgets: Annotated[
        tuple[float, ...],
        numbers("Training of methods of one network, in networks of the recipe.", "--budget"),
    ] = (1.0,)
    replicates: Annotated[int, number("Networks on which a method of one network is repeated.")] = 5
    pool: Annotated[int, number("Networks of a recipe; ensembles are disjoint blocks of them.")] = 1
    custom_methods: Annotated[
        tuple[str, ...],
        what("A method of your own, compared as well.", "--method", metavar="FILE.py:CLASS"),
    ] = ()
    images: Annotated[
        int | None, number("Clean images, and most of any other condition; all: of each."), str
    ] = None
    severity_images: int | None = None
    subset_images: int = 50
    epochs: EpochsSetting = None
    resamples: int = 200
    batch_sizes: Annotated[tuple[int, ...], numbers("Images of a call, in timings.")] = (
        1,
        8,
        64,
        1024,
    )
    seed: SeedSetting = 0
    device: Annotated[Literal["cpu", "cuda"], DEVICE, DeviceChoice] = "cpu"
    engine: Annotated[Literal["numba", "torch"], ENGINE, EngineChoice] = "numba"
    scores: Annotated[
        ScoreChoice,
        by_preset("What")("Uncertainty scores; unfitted: none fitted on training images."),
    ] = "all"


HINTS = get_type_hints(RunParts, include_extras=True)

CHOSEN = tuple(name for name, hint in HINTS.items() if get_origin(hint) is Annotated)
"""The parts that a user chooses."""

SEVERAL = tuple(part for part in CHOSEN if get_origin(get_args(HINTS[part])[0]) is tuple)
"""The parts that are several values."""

DEFAULTS = {"preset": "quick", "task": "mnist", "seed": 0, "device": "auto", "engine": "auto"}
"""Of the parts that no preset decides."""


def _noted(part: str) -> tuple[Any, OptionInfo, Any]:
    """The type of a chosen part, its option, and its type on the command line."""
    kind, option, *text = get_args(HINTS[part])
    return kind, option, (*text, list[str] if part in SEVERAL else kind)[0]


def option_of(part: str) -> str:
    """The command line's name of a part of a configuration.

    >>> option_of("batch_sizes"), option_of("budgets")
    ('--batch-sizes', '--budget')
    """
    named = _noted(part)[1].default if part in CHOSEN else ...
    return "--" + part.replace("_", "-") if named is ... else str(named)


def _read(part: str, given: Any) -> Any:
    """What the text of an option says; ``None`` as it is."""
    option = option_of(part)
    if part == "images":
        return image_limit(option, given)
    if part == "custom_methods":  # each a path, which may have commas
        return given and tuple(given)
    if part not in SEVERAL:
        return given
    read = {int: integers, float: floats}.get(get_args(_noted(part)[0])[0])
    return read(option, given) if read else separate(given)


def with_parts(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of all parts; its first argument is what they choose."""

    @wraps(command)
    def run(**given: Any) -> None:
        parts = {part: given.pop(part) for part in CHOSEN}
        command({part: _read(part, text) for part, text in parts.items()}, **given)

    options = []
    for part in CHOSEN:
        _, option, kind = _noted(part)
        default = DEFAULTS.get(part)
        kind = kind if part in DEFAULTS else kind | None
        declared: dict[str, Any] = {"default": default, "annotation": Annotated[kind, option]}
        options.append(Parameter(part, Parameter.KEYWORD_ONLY, **declared))
    own = list(signature(command, eval_str=True).parameters.values())[1:]
    own = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in own]
    vars(run)["__signature__"] = Signature([*options, *own])
    return run
