"""Commands in processes of their own, which tests interrupt and kill; MNIST has few images."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]

SCRIPT = """
import sys

import {module} as command
from benchmarks.tasks import TASKS, mnist
from benchmarks.run import stages as runner
from benchmarks.data.loading import load_mnist
from methods.networks.labelled_images import LabelledImages
from tests.runs import with_few_held_out


def load(split, *, data_dir):
    whole, images = load_mnist(split, data_dir=data_dir), {{"train": 1000, "test": 200}}[split]
    return LabelledImages(whole.images[:images].clone(), whole.labels[:images].clone())


mnist.load_mnist = load
TASKS["mnist"] = with_few_held_out(1000)
runner.time_methods = lambda *_: []  # timings differ from run to run
runner.write_report = lambda _: None  # tests/report cover it; this saves time
{first}
sys.exit(command.command_line())
"""

Start = Callable[..., subprocess.Popen[str]]


@contextmanager
def processes() -> Iterator[Start]:
    """A function that starts a command in its own session, as a terminal would; ended after it.

    Its arguments are the command's; by name the command's `module`, and what it does `first`.
    """
    started = []

    def start(*arguments: str, module: str = "run_all", first: str = "") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT.format(module=module, first=first), *arguments],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Where tests run in the background, a shell may have had SIGINT ignored.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
