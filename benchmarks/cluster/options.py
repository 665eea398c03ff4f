"""Which options the classes of Dask take, so that others are refused before anything starts."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from difflib import get_close_matches

import distributed

from benchmarks.cluster.choice import ADDRESS, INSTALL, LOCAL, QUEUES, ClusterChoice
from benchmarks.errors import UserError

OURS = {
    "asynchronous": "the suite waits for its workers",
    "loop": "the suite waits for its workers",
    "n_workers": "write 'workers' beside 'backend'",
    "processes": "a worker is a process",
    "silence_logs": "the suite says in one line what went wrong",
    "threads_per_worker": "a worker has one thread, or bits differ",
}
"""What is not for the user to choose, and why."""


def queue_class(choice: ClusterChoice) -> type[distributed.SpecCluster]:
    """The class of dask-jobqueue for the queue.

    Raises:
        UserError: dask-jobqueue is not installed.
    """
    try:
        import dask_jobqueue
    except ImportError as error:
        raise UserError(f"--cluster needs the library dask-jobqueue; {INSTALL}") from error
    found: type[distributed.SpecCluster] = getattr(dask_jobqueue, QUEUES[choice.backend])
    return found


def require_known_options(choice: ClusterChoice) -> None:
    """Stop where an option is none of the class, or is not for the user to choose.

    Raises:
        UserError: one is.
    """
    classes = _classes(choice)
    known = _parameters(classes)
    for name in choice.options:
        of_ours = name in OURS and not (name == "processes" and choice.backend in QUEUES)
        if of_ours:
            raise UserError(f"--cluster {choice.file}: leave out {name!r}: {OURS[name]}")
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"do you mean {close[0]!r}?" if close else "see its documentation"
            raise UserError(
                f"--cluster {choice.file}: {classes[0].__name__} has no option {name!r}; {hint}"
            )


def _classes(choice: ClusterChoice) -> list[type]:
    """Those whose constructors get the options, the one that users know first."""
    if choice.backend == LOCAL:
        return [distributed.LocalCluster, distributed.Nanny, distributed.Worker]
    if choice.backend == ADDRESS:
        return [distributed.Client]
    cluster = queue_class(choice)
    return [*cluster.__mro__, *cluster.job_cls.__mro__]  # type: ignore[attr-defined]


def _parameters(classes: Iterable[type]) -> list[str]:
    """The names of the arguments that constructors take."""
    functions = [vars(one)["__init__"] for one in classes if "__init__" in vars(one)]
    names: dict[str, None] = {}
    for function in functions:
        if inspect.isfunction(function):
            names |= {
                name: None
                for name, one in inspect.signature(function).parameters.items()
                if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) and name != "self"
            }
    return [*names]
