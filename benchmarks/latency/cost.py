"""What methods cost on any machine, and how much memory a call needs at its peak."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from methods import METHODS, MemberMethod, PooledMethod, UncertaintyMethod
from methods.networks.network import counted_multiply_adds
from methods.trained.base import TrainedMethod


class NetworkCost(NamedTuple):
    """What a method holds, and what it computes for each image.

    Attributes:
        parameters: of all its networks.
        multiply_adds: per image; ``None`` where it does more than to evaluate its networks.
    """

    parameters: int | None = None
    multiply_adds: int | None = None


def network_cost(method: UncertaintyMethod) -> NetworkCost:
    """The cost of a fitted method of the suite; unknown of others.

    A multiply-add is one product in a sum, counted by PyTorch; activations, pooling, resizing and
    the softmax are not counted. LeNet-5 takes 416,520 per image, and M networks M times that. T
    passes of MC-dropout share its first convolution: 117,600 + T · 298,920; members of other
    methods evaluate whole networks. Engines compute fewer: kernels skip dropped channels, and share
    a part of the second convolution between passes.
    """
    # Not of custom methods: these may evaluate their networks as often as they like.
    if not isinstance(method, PooledMethod) or type(method) not in METHODS.values():
        return NetworkCost()
    count = len(method.fitted)  # all are of one architecture
    return NetworkCost(
        parameters=count * sum(parameter.numel() for parameter in method.fitted[0].parameters()),
        multiply_adds=(
            round(count * _evaluations(method)) if isinstance(method, MemberMethod) else None
        ),
    )


def _evaluations(method: MemberMethod) -> float:
    """The multiply-adds of an image in one of its networks on average, with all its passes."""
    network = method.fitted[0]
    image = torch.zeros(1, *method.pool.recipe.network.shape).to(next(network.parameters()))
    if isinstance(method, TrainedMethod):
        return counted_multiply_adds(partial(network, image))
    members = method.member_slice
    passes = max(1, (members.stop - members.start) / len(method.fitted))
    shared = counted_multiply_adds(partial(network.shared, image))
    with torch.no_grad():
        maps = network.shared(image)
    rest = counted_multiply_adds(partial(network.rest, maps))
    total: float = (1 if "dropout" in method.needs else passes) * shared + passes * rest
    return total


STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")

RESET_PEAK = "5"
"""Sets a process' peak of resident memory back to what is resident now; see proc(5)."""


def peak_memory(call: Callable[[], object], *, device: str = "cpu") -> float | None:
    """Megabytes (10⁶ bytes) at the peak of one more call, after a first one, beyond those before.

    On a CUDA device what torch allocates there, else the growth of the process' resident set, known
    on Linux with the GNU C library alone. That first returns its free memory, so that a block used
    again counts like a new one. Resident memory is counted in pages and some are counted late:
    ±0.5 MB.
    """
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        torch.cuda.synchronize(device)
        return (torch.cuda.max_memory_allocated(device) - before) / 1e6
    gc.collect(1)  # not of what has long been there, which takes longer than many a call
    try:
        ctypes.CDLL(None).malloc_trim(0)
        CLEAR_REFS.write_text(RESET_PEAK, encoding="ascii")
    except (AttributeError, OSError, TypeError):
        return None
    before = _resident("VmRSS")
    call()
    return max(0.0, (_resident("VmHWM") - before) / 1e6)


def _resident(entry: str) -> int:
    """Bytes of the process' resident set, now (``VmRSS``) or at its peak (``VmHWM``)."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{entry}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"{STATUS} has no {entry}")
