"""What docstrings of the API reference lack."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType
from typing import Any

import griffe

MEMBERS = (FunctionType, classmethod, staticmethod, property)
"""What of a class has a docstring of its own."""


def faults(documented: Iterable[Any]) -> Iterator[str]:
    """A line for each public name without a description, and each description of none.

    Args:
        documented: classes and functions.

    >>> def scaled(image, factor): "Multiply.\\n\\nArgs:\\n    image, power: as they are."
    >>> list(faults([scaled]))
    ['benchmarks.site.docstrings.scaled: there is no parameter power']
    """
    for one in documented:
        path = f"{one.__module__}.{one.__qualname__}"
        if not inspect.getdoc(one):
            yield f"{path}: there is no docstring"
        elif inspect.isclass(one):
            yield from _of_class(path, one)
        else:
            yield from _of_function(path, one)


def _of_class(path: str, one: type) -> Iterator[str]:
    described = {*_described(one)}
    if dataclasses.is_dataclass(one):
        for name in (field.name for field in dataclasses.fields(one)):
            if name not in described and not name.startswith("_"):
                yield f"{path}: the attribute {name} is not described"
    for name, member in vars(one).items():
        if name.startswith("_") or not isinstance(member, MEMBERS):
            continue
        if not inspect.getdoc(getattr(one, name)):
            yield f"{path}.{name}: there is no docstring"
        elif not isinstance(member, property):
            yield from _of_function(f"{path}.{name}", getattr(one, name))


def _of_function(path: str, function: Callable[..., Any]) -> Iterator[str]:
    for name in _described(function):
        if name not in inspect.signature(function).parameters:
            yield f"{path}: there is no parameter {name}"


def _described(one: Any) -> Iterator[str]:
    """The parameters or attributes that a docstring describes, several of them in one line too."""
    named = (griffe.DocstringSectionParameters, griffe.DocstringSectionAttributes)
    for section in griffe.parse_google(griffe.Docstring(inspect.getdoc(one) or ""), warnings=False):
        if isinstance(section, named):
            yield from (name.strip("* ") for item in section.value for name in item.name.split(","))
