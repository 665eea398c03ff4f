"""Compare uncertainty methods: ``python run_all.py --help``."""

from __future__ import annotations

from benchmarks.process.ending import run_command

if __name__ == "__main__":
    run_command("benchmarks.comparison.command", "the same command continues the run")
