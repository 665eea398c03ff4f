"""The code of custom methods, isolated: what it does to the process does not reach the others.

Each call of it begins in the suite's own state, with global random generators seeded by the
method's seed, and leaves that state as it was. Only the outermost call is isolated: within, it may
do as it likes. The state is that of a whole process, so custom methods run in no threads beside
others. What a method leaves at work is not stopped: threads, or objects that act when they are
freed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import Any

from benchmarks.process.notes import noted
from methods import MemberMethod, PooledMethod, UncertaintyMethod
from methods.global_state import preserved_global_state, seed_generators
from methods.seeds import derive_seed

_is_isolated = ContextVar("_is_isolated", default=False)

CALLED = {"__init__"} | {
    name
    for base in (UncertaintyMethod, PooledMethod, MemberMethod)
    for name in vars(base)
    if not name.startswith("__")
}
"""What the suite calls of a method."""

SUITE, BUILT_IN = "methods", ("abc", "builtins")
"""Where classes come from whose functions are not the user's."""


@contextmanager
def isolated(what: str, seed: int = 0) -> Iterator[None]:
    """Run a block with the code of a custom method in it, and note that it is at work."""
    if _is_isolated.get():
        yield
        return
    with noted(what), preserved_global_state():
        seed_generators(derive_seed(what, seed))
        token = _is_isolated.set(True)
        try:
            yield
        finally:
            _is_isolated.reset(token)


def isolate(method: type[UncertaintyMethod]) -> None:
    """Isolate every call of the user's functions by the suite, from now on."""
    for name in CALLED:
        owner = next((one for one in method.__mro__ if name in vars(one)), object)
        room = owner.__module__.partition(".")[0]
        if room != SUITE and room not in BUILT_IN:
            setattr(method, name, _isolating(inspect.getattr_static(method, name), method, name))


def _isolating(attribute: Any, method: type[UncertaintyMethod], name: str) -> Any:
    """The attribute, whose functions run isolated; what is none is left alone."""
    of = functools.partial(_isolating, method=method, name=name)
    if isinstance(attribute, FunctionType):
        return _isolated_function(attribute, f"{method.name}.{name}")
    if isinstance(attribute, (classmethod, staticmethod)):
        return type(attribute)(of(attribute.__func__))
    if isinstance(attribute, property):
        return property(of(attribute.fget), of(attribute.fset), of(attribute.fdel))
    return attribute


def _isolated_function(function: FunctionType, what: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        if _is_isolated.get():
            return function(*arguments, **options)
        seed = getattr(arguments[0], "seed", options.get("seed")) if arguments else None
        with isolated(what, seed if isinstance(seed, int) else 0):
            return function(*arguments, **options)

    return call
