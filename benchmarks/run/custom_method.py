"""A custom method, from a user's file."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from functools import cache
from pathlib import Path

from benchmarks.errors import UserError
from methods import Entry, UncertaintyMethod


@cache
def load_entry(location: str) -> Entry:
    """The method at ``path/to/file.py:Class``, loaded once a process.

    Raises:
        UserError: there is no such file or class, or it is no complete `UncertaintyMethod`.
    """
    file, _, name = location.rpartition(":")
    if not file.endswith(".py") or not name:
        raise UserError(f"--method {location}: expected path/to/file.py:ClassName")
    if not Path(file).is_file():
        raise UserError(f"--method {location}: there is no file {file}")
    method = getattr(_load_module(Path(file), location), name, None)
    if method is None:
        raise UserError(f"--method {location}: the file does not define {name!r}")
    if not (inspect.isclass(method) and issubclass(method, UncertaintyMethod)):
        raise UserError(f"--method {location}: {name} is not a subclass of UncertaintyMethod")
    if inspect.isabstract(method):
        missing = ", ".join(sorted(method.__abstractmethods__))
        raise UserError(f"--method {location}: {name} does not implement {missing}")
    if not isinstance(getattr(method, "name", None), str) or not method.name.isidentifier():
        raise UserError(
            f"--method {location}: {name} needs a class attribute `name`, a short word such as "
            "'my_method'"
        )
    return Entry(method)


def _load_module(path: Path, location: str) -> object:
    module_name = f"custom_method_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"--method {location}: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs, as an import would: dataclasses and pickle look modules up there.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    # A script that ends in sys.exit() would end the run.
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"--method {location}: the file cannot be imported ({why})") from error
    return module
