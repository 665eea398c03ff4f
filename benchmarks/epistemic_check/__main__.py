"""The article's count plot for any image: ``python -m benchmarks.epistemic_check --index 591``."""

from __future__ import annotations

from benchmarks.entry import run_command

if __name__ == "__main__":
    run_command("benchmarks.epistemic_check.command")
