"""Compare runs of several tasks and networks: ``python -m benchmarks.across RUN…``."""

from __future__ import annotations

from benchmarks.entry import run_command

if __name__ == "__main__":
    run_command("benchmarks.across.command", "the same command writes its files anew")
