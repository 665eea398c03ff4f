"""Methods from users' files: loaded, and run in processes of their own.

A fresh process runs a custom method and nothing else: what it changes there reaches nobody.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import pickle
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, get_args

import numpy as np
import torch

from benchmarks.data.files import CACHE_VARIABLE, DATA_VARIABLE, folder_of
from benchmarks.io import LONGEST, UserError, objection_to, one_line, write_whole
from benchmarks.parallel import Result
from methods import PooledMethod, UncertaintyMethod
from methods.determinism import derive_seed, random_state_kept, seed_generators
from methods.engines.torch import TorchEngine
from methods.interface import MethodNeed
from methods.networks.pool import NetworkPool

TEXTS = {
    **dict.fromkeys(("name", "label", "group"), LONGEST),
    "citation": 3 * LONGEST,
}
"""The class fields that are shown, and how many characters they may have."""

SIZE_OPTIONS = ("members", "passes")
"""The command line's options that are sizes of methods."""


@cache
def load_method(location: str) -> type[UncertaintyMethod]:
    """The method at ``path/to/file.py:Class``, loaded once a process.

    Raises:
        UserError: there is no such file or class, it is no complete `UncertaintyMethod`, or a class
            field is not as it should be.
    """

    def refused(why: str) -> UserError:
        return UserError(f"--method {location}: {why}")

    file, _, name = location.rpartition(":")
    if not file.endswith(".py") or not name:
        raise refused("expected path/to/file.py:ClassName")
    if not Path(file).is_file():
        raise refused(f"there is no file {file}")
    try:
        method = getattr(_load_module(Path(file)), name, None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also of a script that ends in sys.exit()
        raise refused(f"the file cannot be imported ({one_line(error)})") from error
    if method is None:
        raise refused(f"the file does not define {name!r}")
    if not (inspect.isclass(method) and issubclass(method, UncertaintyMethod)):
        raise refused(f"{name} is not a subclass of UncertaintyMethod")
    if inspect.isabstract(method):
        missing = ", ".join(sorted(method.__abstractmethods__))
        raise refused(f"{name} does not implement {missing}")
    if not isinstance(getattr(method, "name", None), str) or not method.name.isidentifier():
        raise refused(f"{name} needs a class attribute `name`, a short word such as 'my_method'")
    if objection := _objection(method):
        raise refused(f"{name}.{objection}")
    if issubclass(method, PooledMethod):
        try:  # to ask it for its networks, before any are trained
            _ = method.build(NetworkPool(engine=TorchEngine())).networks
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise refused(f"{name} cannot be built ({one_line(error)})") from error
    return method


def importable(locations: Iterable[str]) -> tuple[str, ...]:
    """The locations by absolute paths, if there are files; another process loads each file first.

    Raises:
        UserError: as `load_method`, or a file ended that process.
    """
    by_file: dict[str, list[str]] = {}
    chosen = []
    for location in locations:
        if Path(location.rpartition(":")[0]).is_file():  # else `load_method` refuses it
            location = os.path.abspath(location)  # noqa: PTH100 (as text)
            by_file.setdefault(location.rpartition(":")[0], []).append(location)
        chosen.append(location)
    for own in by_file.values():
        try:
            in_own_process(partial(_load, own))
        except ProcessEndedError as error:
            raise UserError(f"--method {own[0]}: the file cannot be imported ({error})") from error
    return tuple(chosen)


def _load(locations: Iterable[str]) -> None:
    for location in locations:
        load_method(location)  # which is not returned: it may be impossible to pickle


def without_folder(location: str) -> str:
    """The location by the file's name alone, as records have it."""
    file, _, name = location.rpartition(":")
    return f"{Path(file).name}:{name}"


def sha256_of_file(location: str) -> str:
    """The SHA-256 of the file, in hexadecimal digits."""
    return sha256(Path(location.rpartition(":")[0]).read_bytes()).hexdigest()


def _objection(method: type[UncertaintyMethod]) -> str | None:
    """What is wrong with the class fields; ``None`` if nothing is."""
    for field, longest in TEXTS.items():
        text = getattr(method, field)
        if not isinstance(text, str):
            return f"{field}: {text!r}; expected text"
        if text and (objection := objection_to(text, longest)):
            return f"{field} {objection}"
    if not isinstance(method.needs, (frozenset, set, tuple, list)):
        return f"needs: {method.needs!r}; expected a frozenset of words"
    if unknown := set(method.needs) - set(get_args(MethodNeed)):
        return f"needs: {min(unknown)!r} is unknown; choose from {', '.join(get_args(MethodNeed))}"
    for field in ("sweep", "usual_sizes"):
        sizes = getattr(method, field)
        is_several = isinstance(sizes, (tuple, list))
        if not is_several or any(not isinstance(size, int) or size < 1 for size in sizes):
            return f"{field}: {sizes!r}; expected whole numbers from 1, such as (5, 20)"
    if method.size is None:
        return "sweep is given; name the argument that it is of as `size`" if method.sweep else None
    if method.size not in inspect.signature(method).parameters:
        return f"size: the constructor has no argument {method.size!r}"
    if not method.sweep and method.size not in SIZE_OPTIONS:
        return (
            f"size: {method.size!r} is no option of the command line; give the sizes as `sweep`, "
            "such as (5, 20)"
        )
    return None


def _load_module(path: Path) -> object:
    module_name = _module_name(path)
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec  # its name ends in .py
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs, as an import would: dataclasses and pickle look modules up there.
    sys.modules[module_name] = module
    try:
        with _settings_kept():
            seed_generators(derive_seed(f"the import of {path.name}", 0))
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


@contextmanager
def _settings_kept() -> Iterator[None]:
    """Settings at the top of a file, such as torch's default type, do not reach other methods."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    variables, folder = dict(os.environ), Path.cwd()
    with random_state_kept(), warnings.catch_warnings(), np.errstate():
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_num_threads(threads)
            os.environ.clear()
            os.environ.update(variables)
            os.chdir(folder)


def _module_name(path: Path) -> str:
    """The file's own name, by which processes that a method starts can import its functions.

    Another where something else can be imported by that name.
    """
    if (folder := str(path.parent.resolve())) not in sys.path:
        sys.path.append(folder)
    importlib.invalidate_caches()
    try:
        spec = importlib.util.find_spec(path.stem) if path.stem.isidentifier() else None
    except ValueError:  # a module that is already imported, and comes from no file
        spec = None
    own = spec is not None and spec.origin is not None and path.samefile(spec.origin)
    return path.stem if own else f"custom_method_{path.stem}"


WORK, OUTCOME = "work", "outcome"
"""The two files by which the processes speak to each other."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Variables for libraries beside torch, whose bits would else depend on the number of jobs."""


class ProcessEndedError(Exception):
    """The process of a custom method ended before its work was done; the message says how."""


def in_own_process(work: Callable[[], Result]) -> Result:
    """What the work returns, or raises, done in a fresh process.

    Args:
        work: to be pickled, as is what it returns or raises.

    Raises:
        ProcessEndedError: the method ended the process, or it crashed.
    """
    with TemporaryDirectory(prefix="uncertainty-bench-") as folder:
        Path(folder, WORK).write_bytes(pickle.dumps(work))
        paths = list(map(os.path.abspath, sys.path))
        folders = {name: folder_of(name) for name in (DATA_VARIABLE, CACHE_VARIABLE)}
        absolute = {name: str(path.absolute()) for name, path in folders.items() if path}
        code = f"import sys; sys.path[:] = {paths}; from {__name__} import do; do({folder!r})"
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,  # it ends with this process: then it ends, too
            env={**os.environ, **absolute, **ONE_THREAD},
            start_new_session=True,  # Ctrl-C is for this process
        ) as process:
            status = process.wait()
            _kill_group(process.pid)
        outcome = Path(folder, OUTCOME)
        if not outcome.exists():
            how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
            raise ProcessEndedError(f"the method ended its process, or it crashed ({how})")
        result, error = pickle.loads(outcome.read_bytes())
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def do(folder: str) -> None:
    """Do the work in the folder, and leave the outcome there; called in the other process."""
    Thread(target=_end_with_parent, daemon=True).start()
    owner = os.getpid()
    outcome: tuple[Any, Exception | None]
    try:
        outcome = pickle.loads(Path(folder, WORK).read_bytes())(), None
    except Exception as error:
        outcome = None, error
    except BaseException as error:
        outcome = None, ProcessEndedError(f"the method was ended by {type(error).__name__}")
    if os.getpid() != owner:  # a process that the method forked, and that went on as this one
        os._exit(1)
    try:
        content = pickle.dumps(outcome)
    except Exception as error:  # an exception of the method's own, for example
        content = pickle.dumps((None, RuntimeError(one_line(outcome[1] or error))))
    write_whole(Path(folder, OUTCOME), content)


def _end_with_parent() -> None:
    """End as soon as the standard input does, with all processes that the method has started."""
    os.read(0, 1)
    _kill_group(0)
    os._exit(1)


def _kill_group(leader: int) -> None:
    """End what the method has started and left at work; 0: the group of this process."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)
