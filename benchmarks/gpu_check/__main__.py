"""Check a machine with a GPU: ``python -m benchmarks.gpu_check``; see docs/gpu.md."""

from __future__ import annotations

from benchmarks.process.ending import run_command

if __name__ == "__main__":
    run_command("benchmarks.gpu_check.command")
