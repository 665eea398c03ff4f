"""What a run computes, and where: each an option, and an argument of the same name in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, wraps
from inspect import Parameter, cleandoc, signature
from itertools import chain
from numbers import Integral, Real
from operator import attrgetter
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import typer
from typer.models import OptionInfo

from benchmarks.io import UserError

ALL = "all"
"""Number of images where no limit is chosen."""

Function = TypeVar("Function", bound=Callable[..., Any])

NUMBERS = {int: ("whole number", "50"), float: ("number", "1,5")}
"""What numbers are called, and an example."""


def path_in(text: str | Path) -> Path:
    """The path that an option names; `Path` would take an empty name for the current folder."""
    if not str(text).strip():
        raise typer.BadParameter("the name is empty; name a folder, or write . for this one")
    return Path(text)


def several(value: Any) -> tuple[Any, ...]:
    """One value or several, as a tuple; none of ``None``."""
    single = isinstance(value, str) or not isinstance(value, Iterable)
    return () if value is None else (value,) if single else tuple(value)


def separate(given: Any) -> tuple[Any, ...]:
    """One value or several, of which words may be separated by commas."""
    split = (v.split(",") if isinstance(v, str) else [v] for v in several(given))
    words = (word.strip() if isinstance(word, str) else word for word in chain(*split))
    return tuple(word for word in words if word != "")


def option(panel: str, **common: Any) -> Callable[..., Any]:
    """A function of a help text that declares an option of a group in the help."""

    def declared(text: str, *names: str, **own: Any) -> Any:
        return typer.Option(*names, help=text, **{"rich_help_panel": panel} | common | own)

    return declared


what, where, how = option("What"), option("Where"), option("How")
how_much = option("How much", metavar="N")
flag, end = option("How", metavar=" "), option("Options", metavar=" ")
file, path = option("Where", metavar="FILE"), option("Where", metavar="PATH", parser=path_in)
shown = option("What is shown", metavar="NAME,…", show_default="all")
by_preset = partial(option, show_default="the preset's")
number = by_preset("How much", metavar="N")
numbers = by_preset("How much", metavar="N,…")
named, names = by_preset("What", metavar="NAME"), by_preset("What", metavar="NAME,…")


@dataclass(frozen=True)
class RunParts:
    """What a run computes; `benchmarks.run.configuration.Configuration` checks it.

    A part without an option follows from the preset. A second note is what a user may choose.

    Attributes:
        severity_images: how many of each but the clean one, the same of all of a group; ``None``:
            as many.
        subset_images: how many of each subset condition, on which slow methods are evaluated.
        resamples: how often images are drawn anew, for intervals where no influence is known.
    """

    preset: Annotated[
        str,
        what(
            "The rest of the options: quick (a first look), full (all methods, at budgets of 1 "
            "and 5), article (the article's claims), epistemic (data size, label noise, people) or "
            "published (other papers' numbers).",
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
    shares: Annotated[
        tuple[float, ...], numbers("Shares of the training images, in the experiments.")
    ] = ()
    replicates: Annotated[int, number("Networks on which a method of one network is repeated.")] = 5
    pool: Annotated[int, number("Networks of a recipe; ensembles are disjoint blocks of them.")] = 1
    custom_methods: Annotated[
        tuple[str, ...],
        what("A method of your own, compared as well.", "--method", metavar="FILE.py:CLASS"),
    ] = ()
    images: Annotated[
        int | None, number("Clean images, and the most of another condition; all: every one."), str
    ] = None
    severity_images: int | None = None
    subset_images: int = 50
    epochs: Annotated[
        int | None, how_much("Epochs of training.", show_default="the preset's, or the recipe's")
    ] = None
    resamples: int = 200
    batch_sizes: Annotated[tuple[int, ...], numbers("Images of a call, in timings.")] = (
        1,
        8,
        64,
        1024,
    )
    seed: Annotated[int, how("Every random choice follows from it.", metavar="N")] = 0
    device: Annotated[
        Literal["cpu", "cuda"],
        how("Where networks are trained and evaluated; auto: on a GPU, if there is one."),
        Literal["auto", "cpu", "cuda"],
    ] = "cpu"
    engine: Annotated[
        Literal["numba", "torch"],
        how("What computes: compiled kernels (numba, on the CPU) or PyTorch; auto: as fits."),
        Literal["auto", "numba", "torch"],
    ] = "numba"
    scores: Annotated[
        Literal["all", "unfitted"],
        by_preset("What")("Uncertainty scores; unfitted: none fitted on training images."),
    ] = "all"


@dataclass(frozen=True)
class RunPlace:
    """Place of a run, and what is written there; its numbers are the same anywhere."""

    all_rows: Annotated[
        bool, what("Every metric by every score and condition.", "--all-rows", metavar=" ")
    ] = False
    jobs: Annotated[
        int | None,
        how("Processes that compute.", metavar="N", min=1, show_default="one a core; one on a GPU"),
    ] = None
    overwrite: Annotated[
        bool, flag("Remove an earlier run from the folder first.", "--overwrite")
    ] = False
    out: Annotated[
        Path | None,
        path("The folder of the run.", show_default="results/mine/[TASK-]PRESET[-RECIPE]"),
    ] = None
    networks: Annotated[
        Path | None,
        path(
            "Trained networks, shared by all runs: what is there is not trained again.",
            show_default="the cache",
        ),
    ] = None
    data_dir: Annotated[
        Path | None,
        path(
            "A folder of your data sets; what it lacks is downloaded to the cache.",
            envvar="UNCERTAINTY_BENCH_DATA",
        ),
    ] = None


class Declared(NamedTuple):
    """An option: the type of what it chooses, how it is declared, and what a user may write."""

    kind: Any
    option: OptionInfo
    choice: Any


def _declared(parts: type) -> dict[str, Declared]:
    declared = {}
    for name, hint in get_type_hints(parts, include_extras=True).items():
        if get_origin(hint) is Annotated:
            kind, option, *choice = get_args(hint)
            several = get_origin(kind) is tuple
            declared[name] = Declared(kind, option, list[str] if several else (*choice, kind)[0])
    return declared


CHOSEN, PLACE = _declared(RunParts), _declared(RunPlace)
OPTIONS = CHOSEN | PLACE
"""All options of a run, by their names in Python."""

DEFAULTS: dict[str, Any] = {
    **{"preset": "quick", "task": "mnist", "seed": 0, "device": "auto", "engine": "auto"},
    **{name: getattr(RunPlace, name) for name in PLACE},
}
"""Values of the options that no preset decides."""


def option_of(part: str) -> str:
    """The command line's name of an option, or of a part of a configuration without one.

    >>> option_of("batch_sizes"), option_of("budgets")
    ('--batch-sizes', '--budget')
    """
    named = OPTIONS[part].option.default if part in OPTIONS else ...
    return "--" + part.replace("_", "-") if named is ... else str(named)


def with_options(*names: str, documented: bool = False) -> Callable[[Function], Function]:
    """A decorator: options in place of the function's ``**chosen``, which are what they choose.

    Args:
        names: of options; others of the function's own arguments are no longer possible.
        documented: whether signature and help are for Python, else for the command line.
    """

    def decorated(function: Function) -> Function:
        own = signature(function, eval_str=True)
        *parameters, _ = own.parameters.values()
        further = [_parameter(n, documented) for n in names if n not in own.parameters]
        kept = own.replace(parameters=sorted([*further, *parameters], key=attrgetter("kind")))

        @wraps(function)
        def with_chosen(*arguments: Any, **given: Any) -> Any:
            if unknown := given.keys() - kept.parameters.keys():
                known = ", ".join(kept.parameters)
                raise TypeError(f"unknown argument {min(unknown)!r}; choices are {known}")
            bound = kept.bind(*arguments, **given)
            bound.apply_defaults()
            values = bound.arguments | {name: _read(name, bound.arguments[name]) for name in names}
            return function(**values)

        if documented:
            texts = [f"    {each.name}: {OPTIONS[each.name].option.help}" for each in further]
            with_chosen.__doc__ = "\n".join(
                (cleandoc(function.__doc__ or ""), "\nOptions:", *texts)
            )
        vars(with_chosen)["__signature__"] = kept
        return cast("Function", with_chosen)

    return decorated


def _parameter(name: str, documented: bool) -> Parameter:
    kind, option, choice = OPTIONS[name]
    shown = kind if documented and get_origin(choice) is not Literal else choice
    shown = shown if name in DEFAULTS else shown | None
    note: Any = {"annotation": shown if documented else Annotated[shown, option]}
    return Parameter(name, Parameter.KEYWORD_ONLY, default=DEFAULTS.get(name), **note)


def _read(part: str, given: Any) -> Any:
    """What an option says, in words of the command line or values of Python; ``None`` as it is.

    Raises:
        UserError: a name is unknown, or a number is none or too small.
    """
    kind, option, choice = OPTIONS[part]
    if given is None:
        return None
    if get_origin(choice) is Literal and given not in get_args(choice):
        names = ", ".join(get_args(choice))
        raise UserError(f"{option_of(part)}: unknown name {given!r}; choose from {names}")
    if part == "custom_methods":  # each a path, which may have commas
        return several(given)
    if get_origin(kind) is tuple:
        words, kind = separate(given), get_args(kind)[0]
        return words if kind is str else tuple(sorted(_number(part, word, kind) for word in words))
    if kind in (int, int | None) and not (part == "images" and given == ALL):
        return _number(part, given, int, option.min)
    return Path(given) if kind == Path | None else given


def _number(part: str, word: Any, kind: type[int | float], least: float | None = None) -> Any:
    try:
        number = kind(word) if isinstance(word, str) else word
        if isinstance(number, bool) or not isinstance(number, Integral if kind is int else Real):
            raise ValueError(number)
    except ValueError as error:
        option, (what, example) = option_of(part), NUMBERS[kind]
        raise UserError(
            f"{option}: {word!r} is not a {what}; write, for example, {option} {example}"
        ) from error
    if least is not None and number < least:
        raise UserError(f"{option_of(part)}: {number} is too small; expected at least {least}")
    return number
