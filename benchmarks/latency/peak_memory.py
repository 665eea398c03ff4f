"""How much memory a call needs at its peak, beyond what is resident before it."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")

RESET_PEAK = "5"
"""Sets a process' peak of resident memory back to what is resident now; see proc(5)."""


class Peak(NamedTuple):
    """Megabytes (10⁶ bytes) at the peak beyond those before; ``None`` with the reason why."""

    megabytes: float | None
    reason: str = ""


def peak_memory(call: Callable[[], object], *, device: str = "cpu") -> Peak:
    """The peak memory of one more call, after a first one that allocated what is needed only once.

    On a CUDA device what torch allocates there, else the growth of the process' resident set. The
    C library first returns its free memory, so that a block used again counts like a new one.
    Resident memory is counted in pages and some are counted late: ±0.5 MB.
    """
    if torch.device(device).type == "cuda":
        return _on_cuda(call, device)
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        CLEAR_REFS.write_text(RESET_PEAK, encoding="ascii")
    except (AttributeError, OSError, TypeError):
        return Peak(None, "peak memory of the CPU is measured on Linux with the GNU C library only")
    before = _resident("VmRSS")
    call()
    return Peak(max(0.0, (_resident("VmHWM") - before) / 1e6))


def allocated(device: str) -> int:
    """Bytes that torch has allocated on a CUDA device now; 0 on the CPU, where it is not known."""
    return torch.cuda.memory_allocated(device) if torch.device(device).type == "cuda" else 0


def _on_cuda(call: Callable[[], object], device: str) -> Peak:
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = allocated(device)
    call()
    torch.cuda.synchronize(device)
    return Peak((torch.cuda.max_memory_allocated(device) - before) / 1e6)


def _resident(entry: str) -> int:
    """Bytes of the process' resident set, now (``VmRSS``) or at its peak (``VmHWM``)."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{entry}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"{STATUS} has no {entry}")
