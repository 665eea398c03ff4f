"""What methods cost on any machine, and how much memory a call needs at its peak."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from methods import METHODS, MemberMethod, PooledMethod, UncertaintyMethod
from methods.networks.network import counted_multiply_adds
from methods.trained.base import TrainedMethod

NETWORKS = ("pool", "_fitted", "_prepared")
"""What a pooled method keeps its networks in."""


class NetworkCost(NamedTuple):
    """What a method holds, and what it computes for each image.

    Attributes:
        parameters: of all its networks.
        multiply_adds: per image; ``None`` where it does more than to evaluate its networks.
        weight_bytes: of all its networks.
    """

    parameters: int
    multiply_adds: int | None
    weight_bytes: int


def network_cost(method: UncertaintyMethod) -> NetworkCost | None:
    """The cost of a fitted method of the suite; ``None`` for others, and for exact ones.

    A multiply-add is one product in a sum, counted by PyTorch; activations, pooling, resizing and
    the softmax are not counted. LeNet-5 takes 416,520 per image, and M networks M times that. T
    passes of MC-dropout share its first convolution: 117,600 + T · 298,920; members of other
    methods evaluate whole networks. Engines compute fewer: kernels skip dropped channels, and share
    a part of the second convolution between passes.
    """
    # Not of custom methods: these may evaluate their networks as often as they like.
    if not isinstance(method, PooledMethod) or type(method) not in METHODS.values() or method.exact:
        return None
    parameters = list(method.fitted[0].parameters())  # all are of one architecture
    count = len(method.fitted)
    return NetworkCost(
        parameters=count * sum(parameter.numel() for parameter in parameters),
        multiply_adds=(
            round(count * _evaluations(method)) if isinstance(method, MemberMethod) else None
        ),
        weight_bytes=count * sum(parameter.nbytes for parameter in parameters),
    )


def state_bytes(method: UncertaintyMethod) -> int:
    """The bytes of all tensors that a fitted method holds beyond its networks."""
    return held_bytes([value for name, value in vars(method).items() if name not in NETWORKS])


def held_bytes(held: object) -> int:
    """The bytes of all tensors in a list, a record or what a function closes over.

    Networks are not counted, and a tensor is counted once.

    >>> def fitted(bank):
    ...     return lambda images: images @ bank.T
    >>> held_bytes([fitted(torch.zeros(4, 2)), torch.zeros(1)])
    36
    """
    tensors: dict[int, int] = {}
    pending: list[object] = [held]
    while pending:
        value = pending.pop()
        if isinstance(value, Tensor):
            tensors[value.data_ptr()] = value.nbytes
        elif isinstance(value, (list, tuple)):
            pending += value
        elif is_dataclass(value):
            pending += vars(value).values()
        elif not isinstance(value, nn.Module):
            pending += [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
    return sum(tensors.values())


def _evaluations(method: MemberMethod) -> float:
    """The multiply-adds of an image in one of its networks on average, with all its passes."""
    if isinstance(method, TrainedMethod):
        own = method.fitted[0]
        image = torch.zeros(1, *method.pool.recipe.network.shape)
        return counted_multiply_adds(lambda: own(image.to(next(own.parameters()))))
    members = method.member_slice
    passes = max(1, (members.stop - members.start) / len(method.fitted))
    sharing = 1 if "dropout" in method.needs else passes
    network = method.fitted[0]
    image = torch.zeros(1, *network.shape, device=next(network.parameters()).device)
    shared = counted_multiply_adds(partial(network.shared, image))
    with torch.no_grad():
        maps = network.shared(image)
    rest = counted_multiply_adds(partial(network.rest, maps))
    total: float = sharing * shared + passes * rest
    return total


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
    gc.collect(1)  # not of what has long been there, which takes longer than many a call
    try:
        ctypes.CDLL(None).malloc_trim(0)
        CLEAR_REFS.write_text(RESET_PEAK, encoding="ascii")
    except (AttributeError, OSError, TypeError):
        return Peak(None, "peak memory of the CPU is measured on Linux with the GNU C library only")
    before = _resident("VmRSS")
    call()
    return Peak(max(0.0, (_resident("VmHWM") - before) / 1e6))


def _on_cuda(call: Callable[[], object], device: str) -> Peak:
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    call()
    torch.cuda.synchronize(device)
    return Peak((torch.cuda.max_memory_allocated(device) - before) / 1e6)


def _resident(entry: str) -> int:
    """Bytes of the process' resident set, now (``VmRSS``) or at its peak (``VmHWM``)."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{entry}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"{STATUS} has no {entry}")
