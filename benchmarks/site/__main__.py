"""The project's site: ``python -m benchmarks.site``."""

from __future__ import annotations

from benchmarks.process.ending import run_command

if __name__ == "__main__":
    run_command("benchmarks.site.command", "the same command makes the site anew")
