"""Methods from users' files: loaded, and run in processes of their own."""

from __future__ import annotations

from benchmarks.run.custom_method.loading import load_method, sha256_of_file, without_folder
from benchmarks.run.custom_method.own_process import ProcessEndedError, in_own_process

__all__ = [
    "ProcessEndedError",
    "in_own_process",
    "load_method",
    "sha256_of_file",
    "without_folder",
]
