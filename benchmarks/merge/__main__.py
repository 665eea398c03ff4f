"""Merge the parts of a run: ``python -m benchmarks.merge OUT PART…``."""

from __future__ import annotations

from benchmarks.process.ending import run_command

if __name__ == "__main__":
    run_command("benchmarks.merge.command", "the same command merges the parts anew")
