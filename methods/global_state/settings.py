"""What is global in a process of torch, NumPy and Python, and can be read and set."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.backends import cudnn, mkldnn


class Setting(NamedTuple):
    """Something global: how it is read and set, and what it is where nobody has set it."""

    read: Callable[[], Any]
    set: Callable[[Any], object]
    usual: Any = None

    def make(self, value: Any) -> None:
        """Set it, if it is another: some take long, and others are those of all threads."""
        if self.read() != value:
            self.set(value)


def _flushes_denormals() -> bool:
    smallest, share = sys.float_info.min, sys.float_info.epsilon
    return smallest * share == 0


def _set_default_device(device: torch.device) -> None:
    # Set explicitly, even the CPU would slow down every call.
    torch.set_default_device(None if device.type == "cpu" else device)


def _attributes(module: Any, *names: str, usual: bool) -> Iterator[Setting]:
    """Settings that are attributes of a module."""
    for name in names:
        yield Setting(partial(getattr, module, name), partial(setattr, module, name), usual)


def _working_folder() -> str | None:
    """``None`` where it has been removed."""
    try:
        return os.getcwd()  # noqa: PTH109 (it is read often)
    except FileNotFoundError:
        return None


def _set_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def _set_import_path(folders: list[str]) -> None:
    sys.path[:] = [*folders, *(added for added in sys.path if added not in folders)]


def _set_streams(streams: tuple[Any, Any]) -> None:
    sys.stdout, sys.stderr = streams


def _handlers() -> dict[signal.Signals, Any]:
    """Those that Python has set; only the main thread may do so."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    known = {one: signal.getsignal(one) for one in SIGNALS}
    return {one: handler for one, handler in known.items() if handler is not None}


def _set_handlers(handlers: dict[signal.Signals, Any]) -> None:
    for one, handler in handlers.items():
        if signal.getsignal(one) is not handler:
            signal.signal(one, handler)


SIGNALS = [one for one in signal.Signals if one.name not in ("SIGKILL", "SIGSTOP")]

NUMERICAL = (
    Setting(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    Setting(torch.get_default_device, _set_default_device, torch.device("cpu")),
    Setting(torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, 0),
    Setting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    Setting(_flushes_denormals, torch.set_flush_denormal, usual=False),
    Setting(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, usual=False),
    *(
        Setting(
            partial(torch.is_autocast_enabled, device),
            partial(torch.set_autocast_enabled, device),
            usual=False,
        )
        for device in ("cpu", "cuda")
    ),
    *_attributes(cudnn, "benchmark", "deterministic", usual=False),
    *_attributes(cudnn, "enabled", usual=True),
    *_attributes(mkldnn, "enabled", usual=True),
    Setting(
        np.geterr,
        lambda errors: np.seterr(**errors),
        {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"},
    ),
)
"""What numbers depend on."""

OTHERS = (
    Setting(torch.get_num_threads, torch.set_num_threads),
    Setting(_working_folder, os.chdir),
    Setting(lambda: dict(os.environ), _set_environment),
    Setting(sys.path.copy, _set_import_path),
    Setting(lambda: (sys.stdout, sys.stderr), _set_streams),
    Setting(_handlers, _set_handlers),
    Setting(gc.isenabled, lambda collects: gc.enable() if collects else gc.disable()),
    Setting(sys.getrecursionlimit, sys.setrecursionlimit),
)
