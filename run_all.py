"""Compare uncertainty methods: ``python run_all.py --help``."""

from __future__ import annotations

from benchmarks.entry import CONTINUES, run_command

if __name__ == "__main__":
    run_command("benchmarks.comparison.command", CONTINUES)
