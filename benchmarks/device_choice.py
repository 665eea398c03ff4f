"""Where a command line computes: on the device that was asked for, or on the best there is."""

from __future__ import annotations

from typing import Literal

import torch

from benchmarks.errors import UserError


def fitting_device(choice: Literal["auto", "cpu", "cuda"]) -> Literal["cpu", "cuda"]:
    """The device chosen; ``auto``: a CUDA device where torch finds one, else the CPU.

    Raises:
        UserError: a CUDA device is asked for, and there is none.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no CUDA device here; use cpu or auto")
    return "cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu"
