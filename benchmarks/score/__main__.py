"""Score external predictions: ``python -m benchmarks.score predictions.npz``."""

from __future__ import annotations

from benchmarks.entry import run_command

if __name__ == "__main__":
    run_command("benchmarks.score.command")
