"""Verify the results of a run: ``python -m benchmarks.verify RUN``."""

from __future__ import annotations

from benchmarks.process.ending import run_command

if __name__ == "__main__":
    run_command("benchmarks.verify.command", "the same command continues")
