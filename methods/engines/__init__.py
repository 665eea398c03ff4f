"""Training and evaluation of networks: Numba kernels on the CPU where they fit, else PyTorch."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Literal

from methods.engines.base import Engine
from methods.engines.torch import TorchEngine
from methods.networks.architectures import KERNEL_NETWORKS
from methods.networks.recipes import Recipe

EngineName = Literal["numba", "torch"]
EngineOption = EngineName | Literal["auto"]


def fitting_engine(choice: EngineOption, device: str, recipes: Iterable[Recipe] = ()) -> EngineName:
    """The name of the engine chosen; ``auto``: the kernels where they can compute, else PyTorch.

    The kernels need the CPU, Numba, and recipes that they support.

    >>> fitting_engine("auto", "cuda")
    'torch'
    """
    if choice == "auto":
        kernels = device == "cpu" and has_kernels() and not unsupported(recipes)
        return "numba" if kernels else "torch"
    return choice


def has_kernels() -> bool:
    """Whether Numba is installed, which compiles the kernels."""
    return find_spec("numba") is not None


def unsupported(recipes: Iterable[Recipe]) -> list[str]:
    """The names of those recipes that the kernels do not support."""
    return [recipe.name for recipe in recipes if recipe.network not in KERNEL_NETWORKS]


def choose_engine(
    choice: EngineOption = "auto", device: str = "cpu", recipes: Iterable[Recipe] = ()
) -> Engine:
    """The engine chosen, by its name or as it fits the device and the recipes.

    Raises:
        ValueError: the kernels cannot compute on this device, or not by these recipes.

    >>> choose_engine("auto", "cuda").name.startswith("torch")
    True
    """
    recipes = list(recipes)
    if fitting_engine(choice, device, recipes) == "torch":
        return TorchEngine(device)
    if device != "cpu":
        raise ValueError(f"the numba engine computes on the CPU, not on {device}; use torch")
    if names := unsupported(recipes):
        raise ValueError(f"the numba engine only trains LeNet-5; use torch for {', '.join(names)}")
    # Here, not above: PyTorch's engine is all that a machine without Numba needs.
    from methods.engines.numba import NumbaEngine

    return NumbaEngine()
