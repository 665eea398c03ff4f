"""What a run uses of the machine where nothing is chosen: device, workers, folder of networks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
import torch

from benchmarks.errors import UserError

NETWORKS = Path(platformdirs.user_cache_dir("uncertainty-bench")) / "networks"
"""Where all runs store trained networks by default."""


def fitting_device(choice: Literal["auto", "cpu", "cuda"]) -> Literal["cpu", "cuda"]:
    """The device chosen; ``auto``: a CUDA device where torch finds one, else the CPU.

    Raises:
        UserError: the choice is ``cuda``, and there is no such device.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no CUDA device; use cpu or auto")
    return "cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu"


def fitting_jobs(device: str) -> int:
    """How many workers there are by default: one a core, but a GPU has one."""
    from joblib import cpu_count  # here, not above: timing methods needs no such library

    return 1 if device == "cuda" else cpu_count()
