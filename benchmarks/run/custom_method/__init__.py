"""Methods from users' files: loaded, and isolated from the rest."""

from __future__ import annotations

from benchmarks.run.custom_method.isolation import isolated
from benchmarks.run.custom_method.loading import load_method, sha256_of_file, without_folder

__all__ = ["isolated", "load_method", "sha256_of_file", "without_folder"]
