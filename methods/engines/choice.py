"""Which engine computes: the fast one where it fits, PyTorch everywhere else."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from methods.engines.base import Engine
from methods.engines.torch import TorchEngine

EngineName = Literal["numba", "torch"]
Choice = EngineName | Literal["auto"]


def fitting_engine(choice: Choice, device: str) -> EngineName:
    """The name of the engine chosen; ``auto``: the kernels on the CPU, PyTorch elsewhere.

    Where Numba is not installed PyTorch computes everywhere.

    >>> fitting_engine("auto", "cuda")
    'torch'
    """
    if choice == "auto":
        return "numba" if device == "cpu" and has_kernels() else "torch"
    return choice


def has_kernels() -> bool:
    """Whether Numba is installed, which compiles the kernels."""
    return find_spec("numba") is not None


def choose_engine(choice: Choice = "auto", device: str = "cpu") -> Engine:
    """The engine chosen, by its name or as it fits the device.

    Raises:
        ValueError: the kernels cannot compute on this device.

    >>> choose_engine("auto", "cuda").name.startswith("torch")
    True
    """
    if fitting_engine(choice, device) == "torch":
        return TorchEngine(device)
    if device != "cpu":
        raise ValueError(f"the numba engine computes on the CPU, not on {device}; use torch")
    # Here, not above: PyTorch's engine is all that a machine without Numba needs.
    from methods.engines.numba import NumbaEngine

    return NumbaEngine()
