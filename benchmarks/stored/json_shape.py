"""Whether JSON is of the form that code expects, and where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import NoneType
from typing import Any

NUMBER = (int, float)
NUMBER_OR_NONE = (int, float, NoneType)

_CALLED = {dict: "object", list: "list", str: "text", float: "number", int: "whole number"}


class Exactly(dict[str, Any]):
    """The shape of an object that has no other names than these."""


def misfit(value: Any, shape: Any, place: str = "") -> str:
    """Where a value is of another shape, in words; empty if it fits.

    A shape is a type, or a tuple of types; ``[shape]``: a list; ``{...: shape}``: an object of any
    names; ``{"name": shape, "other?": shape}``: an object that has a name and may have another.
    A function gives the shape of a value.

    >>> misfit({"a": [1, "b"]}, {"a": [int], "c?": str})
    'a.1 is no whole number'
    >>> misfit({}, {"a": [int]}), misfit({"a": [1]}, {"a": [int]})
    ("it has no 'a'", '')
    """
    if callable(shape) and not isinstance(shape, type):
        return misfit(value, shape(value), place)
    if isinstance(shape, list):
        return _no(list, place, value) or _first(
            misfit(one, shape[0], _inside(place, str(number))) for number, one in enumerate(value)
        )
    if isinstance(shape, dict):
        return _no(dict, place, value) or _first(_of_object(value, shape, place))
    kinds = shape if isinstance(shape, tuple) else (shape,)
    # In Python, but not in JSON, true is a number.
    fits = isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)
    return "" if fits else f"{place or 'it'} is no {_called(kinds)}"


def _of_object(value: dict[str, Any], shape: dict[Any, Any], place: str) -> Iterator[str]:
    if ... in shape:
        yield from (misfit(one, shape[...], _inside(place, name)) for name, one in value.items())
        return
    for name, of_name in shape.items():
        key = name.removesuffix("?")
        if key in value:
            yield misfit(value[key], of_name, _inside(place, key))
        elif key == name:
            yield f"{place or 'it'} has no {key!r}"
    if isinstance(shape, Exactly):
        known = {name.removesuffix("?") for name in shape}
        yield from (f"{place or 'it'} has a strange {key!r}" for key in value if key not in known)


def _no(kind: type, place: str, value: Any) -> str:
    return "" if isinstance(value, kind) else f"{place or 'it'} is no {_called((kind,))}"


def _called(kinds: tuple[type, ...]) -> str:
    return next((name for kind, name in _CALLED.items() if kind in kinds), kinds[0].__name__)


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _first(misfits: Iterable[str]) -> str:
    return next(filter(None, misfits), "")
