"""Compare uncertainty methods: ``python run_all.py --help``."""

from __future__ import annotations

from benchmarks.process.ending import run_command


def command_line() -> int:
    """Run the command line in this process and return its exit status."""
    from benchmarks.comparison import command  # here: what runs below imports it when it is ready

    return command.command_line()


if __name__ == "__main__":
    run_command("benchmarks.comparison.command", "the same command continues the run")
