"""The lab, a page on which networks vote: ``python -m benchmarks.lab``."""

from __future__ import annotations

from benchmarks.entry import run_command

if __name__ == "__main__":
    run_command("benchmarks.lab.command")
