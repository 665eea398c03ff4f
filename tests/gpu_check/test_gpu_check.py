"""The check of a GPU, as far as it can be tested on the CPU."""

from __future__ import annotations

import json
import math
import signal
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import benchmarks.gpu_check.agreement as agreement_module
import benchmarks.gpu_check.command as command
from benchmarks.command_line import exit_status
from benchmarks.gpu_check import cuda_tests
from benchmarks.gpu_check.agreement import Agreement, agreement, random_images
from benchmarks.gpu_check.cuda_tests import CudaTests, NotRunError, run_tests
from benchmarks.gpu_check.training_speed import training_speed
from benchmarks.latency.stage import time_alone
from benchmarks.run.plan import Plan
from benchmarks.run.record import RunRecord
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.digits import STANDARD as DIGITS
from benchmarks.vocabulary import LOCK_FILE
from methods.engines.choice import choose_engine
from methods.engines.torch import TorchEngine
from methods.networks.lenet5 import LeNet5
from methods.networks.recipes import PLAIN, STANDARD, Recipe
from tests.runs import QUICK

pytestmark = pytest.mark.slow

CPU = TorchEngine("cpu")


class Wrong(TorchEngine):
    """Scales the weights of what it predicts with."""

    def prepare(self, networks):  # type: ignore[no-untyped-def]
        wrong = [LeNet5(mean=n.mean, std=n.std, dropout=n.dropout) for n in networks]
        for network, of in zip(wrong, networks, strict=True):
            network.load_state_dict({k: 1.01 * v for k, v in of.state_dict().items()})
        return super().prepare(wrong)


class Rounding(TorchEngine):
    """Changes all weights a little in each step of a training, as a device that rounds otherwise.

    Attributes:
        error: relative; 1e-6 is more than ten times float32's, and 5e-4 is that of TF32.
        rate: what it multiplies the learning rate by.
        momentum: of the means and variances that BatchNorm keeps.
    """

    error, rate, momentum = 1e-6, 1.0, 0.1

    def trainer(self, networks, recipe, data):  # type: ignore[no-untyped-def]
        for layer in networks[0].modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = self.momentum
        changed = replace(recipe, learning_rate=recipe.learning_rate * self.rate)
        trainer = super().trainer(networks, changed, data)
        for optimiser in trainer._optimisers:
            optimiser._optimiser.register_step_post_hook(self._round)
        return trainer

    @torch.no_grad()
    def _round(self, optimiser, *_):  # type: ignore[no-untyped-def]
        for weights in optimiser.param_groups[0]["params"]:
            weights.mul_(1 + self.error * torch.randn_like(weights))


class LikeTF32(Rounding):
    error = 5e-4


class FasterLearning(Rounding):
    rate = 1.02


class OtherMomentum(Rounding):
    momentum = 0.11


def test_the_kernels_agree_with_pytorch_and_an_engine_with_itself() -> None:
    kernels = agreement(STANDARD, choose_engine("numba"))
    assert [one.what for one in kernels] == ["logits", "features", "passes", "weights"]
    assert all(one.passed for one in kernels)
    assert max(one.difference for one in kernels) > 0
    assert {one.difference for one in agreement(STANDARD, CPU)} == {0.0}
    assert [one.what for one in agreement(PLAIN, CPU)] == ["logits", "features", "weights"]


@pytest.mark.parametrize("recipe", [STANDARD, DIGITS], ids=lambda recipe: recipe.network.name)
@pytest.mark.parametrize(
    ("engine", "passes"),
    [(Rounding("cpu"), True), (LikeTF32("cpu"), False), (FasterLearning("cpu"), False)],
    ids=["rounding", "TF32", "learning rate"],
)
def test_training_agrees_but_for_rounding(recipe: Recipe, engine: Rounding, passes: bool) -> None:
    """The networks of digits learn five times as fast as those of MNIST."""
    torch.manual_seed(0)
    by_what = {one.what: one for one in agreement(recipe, engine)}
    assert by_what["weights"].passed is passes
    assert 0 < by_what["weights"].difference < 1
    assert ("buffers" in by_what) == (recipe is DIGITS)
    if recipe is DIGITS:
        assert by_what["buffers"].passed is passes


def test_wrong_buffers_are_found() -> None:
    failed = [one.what for one in agreement(DIGITS, OtherMomentum("cpu")) if not one.passed]
    assert failed == ["buffers"]


def test_diverged_training_agrees_with_nothing() -> None:
    class Diverging(Rounding):
        rate = math.nan

    weights, buffers = agreement(DIGITS, Diverging("cpu"))[-2:]
    assert math.isnan(weights.difference)
    assert not weights.passed
    assert not buffers.passed


def test_wrong_numbers_are_found() -> None:
    failed = [one.what for one in agreement(STANDARD, Wrong("cpu")) if not one.passed]
    assert failed == ["logits", "features", "passes"]
    assert not Agreement("lenet5", "logits", math.nan, 1.0).passed


def test_networks_learn_from_the_random_images() -> None:
    """Else equal weights after training would say little."""
    data = random_images(STANDARD, 500)
    assert data.images.shape == (500, *LeNet5.shape)
    assert 0 <= float(data.images.amin()) < float(data.images.amax()) <= 1
    mean = torch.stack([data.images[data.labels == c].mean(dim=(0, 1, 3)) for c in range(10)])
    assert mean.argmax(dim=1).remainder(10).tolist() == list(range(10))


def test_training_speed_counts_one_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    import benchmarks.gpu_check.training_speed as module

    calls = []

    def train(recipe: object, numbers: list[int], data: object, engine: object) -> None:
        calls.append((recipe, len(numbers), len(data.labels)))  # type: ignore[attr-defined]

    ticks = iter([1.0, 3.5])
    monkeypatch.setattr(module, "train_networks", train)
    monkeypatch.setattr(module, "perf_counter", lambda: next(ticks))
    speed = training_speed(STANDARD, CPU, networks=4, images=640)
    assert (speed.seconds, speed.networks, speed.images) == (2.5, 4, 640)
    once = replace(STANDARD, epochs=1)
    assert calls == [(once, 4, 128), (once, 4, 640)]


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_without_a_gpu_it_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["gpu_check"])
    assert exit_status(command.main) == 2
    error = capsys.readouterr().err
    assert error == "error: --device cuda: torch finds no CUDA device; use cpu or auto\n"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def on_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The command, with the CPU in the card's place, as little work as possible, and its folder."""
    monkeypatch.setattr(command, "fitting_device", lambda _: "cpu")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A Card, 80GB")
    monkeypatch.setattr(command, "TorchEngine", lambda _: CPU)
    monkeypatch.setattr(command, "TASKS", {"mnist": SimpleNamespace(recipes=[STANDARD])})
    for name, less in (("IMAGES", 16), ("PASSES", 4), ("STEPS", 2)):
        monkeypatch.setattr(agreement_module, name, less)
    monkeypatch.setattr(command, "TRAINED_TOGETHER", 2)
    monkeypatch.setattr(command, "TRAINING_IMAGES", 256)
    monkeypatch.setattr(command, "time_alone", lambda *_, **__: [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["gpu_check", "--no-tests"])
    return tmp_path / "results" / "gpu" / "A-Card-80GB"


@pytest.mark.parametrize("passes", [True, False])
def test_results_are_written_beside_the_latency(
    passes: bool,
    on_the_cpu: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not passes:
        monkeypatch.setattr(command, "TorchEngine", lambda _: Wrong("cpu"))
    timed = []

    def time_alone(_: object, workspace: Workspace, *, overwrite: bool, device: str) -> list[str]:
        timed.append((workspace.out.resolve(), overwrite, device))
        return []

    monkeypatch.setattr(command, "time_alone", time_alone)
    assert exit_status(command.main) == (0 if passes else 1)
    content = json.loads((on_the_cpu / "gpu_check.json").read_text())
    assert (content["card"], content["tests"]) == ("A Card, 80GB", None)
    assert [one["passed"] for one in content["agreement"]] == [passes, passes, passes, True]
    assert content["training"]["networks"] == 2
    assert timed == [(on_the_cpu, False, "cpu")]
    found = [f"agreement: {what} of lenet5" for what in ("logits", "features", "passes")]
    assert content["failures"] == ([] if passes else found)
    assert capsys.readouterr().err == "".join(f"failed: {one}\n" for one in content["failures"])


@pytest.mark.parametrize(
    ("of_tests", "failure"),
    [
        (CudaTests(passed=3, skipped=1, failed=0), None),
        (CudaTests(passed=3, skipped=0, failed=1), "tests: 3 passed, 0 skipped, 1 failed"),
        (CudaTests(passed=0, skipped=4, failed=0), "tests: 0 passed, 4 skipped, 0 failed"),
        (CudaTests(passed=0, skipped=0, failed=0), "tests: 0 passed, 0 skipped, 0 failed"),
        (NotRunError("pytest ended with status 4: no"), "tests: NotRunError: pytest"),
    ],
)
def test_check_fails_unless_tests_have_passed(
    of_tests: CudaTests | Exception,
    failure: str | None,
    on_the_cpu: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run() -> CudaTests:
        if isinstance(of_tests, Exception):
            raise of_tests
        return of_tests

    monkeypatch.setattr(command, "run_tests", run)
    monkeypatch.setattr(command, "_agreements", lambda *_: [])
    monkeypatch.setattr(command, "_speed", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["gpu_check"])
    assert exit_status(command.main) == (1 if failure else 0)
    error = capsys.readouterr().err
    assert error.startswith(f"failed: {failure}") if failure else error == ""
    content = json.loads((on_the_cpu / "gpu_check.json").read_text())
    assert content["tests"] == (asdict(of_tests) if isinstance(of_tests, CudaTests) else None)


def test_folder_of_another_run_is_refused_before_the_work(
    on_the_cpu: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def work(*_: object) -> None:
        raise AssertionError("nothing was to be computed")

    for step in ("_agreements", "_speed"):
        monkeypatch.setattr(command, step, work)
    other = Plan(replace(QUICK, seed=1))
    RunRecord.begin(other, Workspace(on_the_cpu, on_the_cpu / "networks", None, jobs=1))
    before = sorted(on_the_cpu.iterdir())
    monkeypatch.setattr(command, "time_alone", time_alone)
    assert exit_status(command.main) == 2
    assert "holds a run of another configuration" in capsys.readouterr().err
    left = [path for path in sorted(on_the_cpu.iterdir()) if path.name != LOCK_FILE]
    assert left == before


def test_steps_that_fail_or_take_too_long_do_not_stop_the_others(
    on_the_cpu: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("CUDA out of memory.\nTry less")

    monkeypatch.setattr(command, "_agreements", fail)
    monkeypatch.setattr(command, "_latency", lambda *_, **__: time.sleep(60))
    monkeypatch.setitem(command.SECONDS, "latency", 0.1)
    assert exit_status(command.main) == 1
    assert capsys.readouterr().err == (
        "failed: latency: not done after 0.1 s\n"
        "failed: agreement: RuntimeError: CUDA out of memory. Try less\n"
    )
    content = json.loads((on_the_cpu / "gpu_check.json").read_text())
    assert content["training"]["networks"] == 2
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_all_steps_take_less_than_ten_minutes() -> None:
    assert sum(command.SECONDS.values()) <= 540


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        (("pass",), CudaTests(1, 0, 0)),
        (("pytest.skip('no card')",), CudaTests(0, 1, 0)),
        (("pass", "assert 0", "pytest.skip('no card')", "pass"), CudaTests(2, 1, 1)),
        ((), CudaTests(0, 0, 0)),
        (("1 +",), None),
    ],
)
def test_tests_are_counted(
    tests: tuple[str, ...],
    expected: CudaTests | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    functions = [
        f"@pytest.mark.cuda\ndef test_{number}(): {test}\n" for number, test in enumerate(tests)
    ]
    (tmp_path / "test_cuda.py").write_text("\n".join(["import pytest\n", *functions]))
    monkeypatch.setattr(cuda_tests, "TESTS", tmp_path)
    monkeypatch.chdir(tmp_path)
    if expected is None:
        with pytest.raises(NotRunError, match="pytest ended with status 2: "):
            run_tests()
    else:
        assert run_tests() == expected


def test_tests_that_are_not_installed_are_refused(
    on_the_cpu: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cuda_tests, "TESTS", Path("nowhere"))
    monkeypatch.setattr("sys.argv", ["gpu_check"])
    assert exit_status(command.main) == 2
    assert "use --no-tests" in capsys.readouterr().err
    assert not on_the_cpu.exists()
