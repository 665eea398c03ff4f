"""Which engine computes: the fast one where it fits, PyTorch everywhere else."""

from __future__ import annotations

from typing import Literal

from methods.engines import Engine
from methods.numba_engine import NumbaEngine
from methods.torch_engine import TorchEngine

EngineName = Literal["numba", "torch"]


def choose_engine(name: EngineName | Literal["auto"] = "auto", device: str = "cpu") -> Engine:
    """The engine of this name; ``auto``: the kernels on the CPU, PyTorch on another device.

    Raises:
        ValueError: the kernels are asked to compute on another device than the CPU.

    >>> choose_engine("auto", "cuda").name.startswith("torch")
    True
    """
    if name == "torch" or (name == "auto" and device != "cpu"):
        return TorchEngine(device)
    if device != "cpu":
        raise ValueError(f"the numba engine computes on the CPU, not on {device}; use torch")
    return NumbaEngine()
