"""A method from a user's file, and every possible mistake."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.run.custom_method import (
    ProcessEndedError,
    in_own_process,
    load_method,
)
from tests.processes import status_of

HEAD = "from methods import Prediction, UncertaintyMethod\n"
BODY = (
    "    def fit(self, images, labels): return self\n    def predict(self, images): return None\n"
)
GOOD = f"{HEAD}class Mine(UncertaintyMethod):\n    name = 'mine'\n{BODY}"

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "Mine", file: str = "mine.py") -> str:
        (tmp_path / file).write_text(text)
        return f"{tmp_path / file}:{name}"

    return write


UNBUILT = """
from methods import PooledMethod

class Mine(PooledMethod):
    name = "mine"
    def __init__(self, **options): raise SystemExit("no")
    def predict(self, images): return None
"""


def with_fields(fields: str) -> str:
    return GOOD.replace("name = 'mine'", f"name = 'mine'\n    {fields}")


MISTAKES = {
    "": "the file does not define 'Mine'",
    "class Mine: pass": "Mine is not a subclass of UncertaintyMethod",
    GOOD.replace("def predict", "def predcit"): "Mine does not implement predict",
    GOOD.replace("name = 'mine'", "pass"): "Mine needs a class attribute `name`",
    GOOD.replace("'mine'", "'../mine'"): "Mine needs a class attribute `name`",
    "raise ValueError('in\\ntwo lines')": "cannot be imported (ValueError: in",
    "import sys\nsys.exit(3)": "cannot be imported (SystemExit: 3)",
    UNBUILT: "Mine cannot be built (SystemExit: no)",
    with_fields('needs = frozenset({"labels"})'): "needs: 'labels' is unknown; choose from",
    with_fields('size = "bags"\n    sweep = (0,)'): "sweep: (0,); expected whole numbers from 1",
    with_fields("sweep = (2,)"): "name the argument that it is of as `size`",
    with_fields('size = "bags"\n    sweep = (2,)'): "the constructor has no argument 'bags'",
    with_fields('size = "seed"'): "'seed' is no option of the command line",
}


def assert_refused(location: str, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert status_of("--task", "digits", "--method", location) == 2
    shown, error = capfd.readouterr()
    assert shown == ""
    assert re.fullmatch(rf"error: --method {location}: [^\n]+\n", error)
    assert message in error


@pytest.mark.parametrize("text", MISTAKES, ids=MISTAKES.values())
@pytest.mark.usefixtures("in_this_process")
def test_mistake_in_the_file_is_refused_in_one_line(
    text: str, write: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    assert_refused(write(text), MISTAKES[text], capfd)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import os\nos._exit(0)", "the method ended its process, or it crashed (exit status 0)"),
        ("raise KeyboardInterrupt", "the method was ended by KeyboardInterrupt"),
    ],
    ids=["exit", "interrupt"],
)
def test_file_that_ends_its_process_is_refused_in_one_line(
    text: str, message: str, write: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    assert_refused(write(text), message, capfd)


def test_functions_can_be_imported_by_the_name_of_the_file(write: Write, tmp_path: Path) -> None:
    """As processes do that a method starts by multiprocessing or joblib."""
    method = load_method(write(GOOD, file="method_with_a_pool.py"))
    assert method.__module__ == "method_with_a_pool"
    assert sys.path[-1] == str(tmp_path)


@pytest.mark.parametrize("file", ["random.py", "torch.py", "my-method.py", "test.py"])
def test_file_does_not_hide_a_module_of_its_name(file: str, write: Write) -> None:
    method = load_method(write(GOOD, file=file))
    assert method.__module__ == f"custom_method_{Path(file).stem}"
    assert sys.modules["random"] is random


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave_a_process_behind() -> int:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid


@pytest.mark.slow
def test_process_of_a_custom_method_ends_with_all_that_it_has_started() -> None:
    with pytest.raises(ProcessEndedError, match="SIGKILL"):
        in_own_process(kill_itself)
    left = in_own_process(leave_a_process_behind)
    state, until = Path(f"/proc/{left}/stat"), time.monotonic() + 60
    while state.exists() and state.read_text().split()[2] != "Z":  # it may be about to end
        assert time.monotonic() < until
