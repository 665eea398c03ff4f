"""The check of a GPU, as far as it can be tested on the CPU."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import benchmarks.gpu_check.command as command
from benchmarks.command_line import exit_status
from benchmarks.gpu_check.agreement import Agreement, agreement, random_images
from benchmarks.gpu_check.training_speed import training_speed
from methods.engines.choice import choose_engine
from methods.engines.torch import TorchEngine
from methods.networks.lenet5 import LeNet5
from methods.networks.recipes import PLAIN, STANDARD

CPU = TorchEngine("cpu")


class Wrong(TorchEngine):
    """Scales the weights of what it predicts with."""

    def prepare(self, networks):  # type: ignore[no-untyped-def]
        wrong = [LeNet5(mean=n.mean, std=n.std, dropout=n.dropout) for n in networks]
        for network, of in zip(wrong, networks, strict=True):
            network.load_state_dict({k: 1.01 * v for k, v in of.state_dict().items()})
        return super().prepare(wrong)


def test_the_kernels_agree_with_pytorch_and_an_engine_with_itself() -> None:
    kernels = agreement(STANDARD, choose_engine("numba"))
    assert [one.what for one in kernels] == ["logits", "features", "passes", "weights"]
    assert all(one.passed for one in kernels)
    assert max(one.difference for one in kernels) > 0
    assert {one.difference for one in agreement(STANDARD, CPU)} == {0.0}
    assert [one.what for one in agreement(PLAIN, CPU)] == ["logits", "features", "weights"]


def test_wrong_numbers_are_found() -> None:
    failed = [one.what for one in agreement(STANDARD, Wrong("cpu")) if not one.passed]
    assert failed == ["logits", "features", "passes"]
    assert not Agreement("standard", "logits", math.nan, 1.0).passed


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


@pytest.mark.parametrize("passes", [True, False])
def test_results_are_written_beside_the_latency(
    passes: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command, with the CPU in the card's place."""
    engine = CPU if passes else Wrong("cpu")
    monkeypatch.setattr(command, "fitting_device", lambda _: "cpu")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A Card, 80GB")
    monkeypatch.setattr(command, "TorchEngine", lambda _: engine)
    monkeypatch.setattr(command, "TASKS", {"mnist": SimpleNamespace(recipes=[STANDARD])})
    monkeypatch.setattr(command, "TRAINED_TOGETHER", 2)
    monkeypatch.setattr(command, "TRAINING_IMAGES", 256)
    timed = []
    monkeypatch.setattr(command, "time_alone", lambda plan, workspace: timed.append(workspace))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["gpu_check", "--no-tests"])
    assert exit_status(command.main) == (0 if passes else 1)
    folder = tmp_path / "results" / "gpu" / "A-Card-80GB"
    content = json.loads((folder / "gpu_check.json").read_text())
    assert (content["card"], content["tests"]) == ("A Card, 80GB", "not run")
    assert [one["passed"] for one in content["agreement"]] == [passes, passes, passes, True]
    assert content["training"]["networks"] == 2
    assert [workspace.out.resolve() for workspace in timed] == [folder]


@pytest.mark.parametrize(
    ("status", "expected"), [(0, "3 passed in 1 s"), (1, "failed: 3 passed in 1 s")]
)
def test_the_tests_last_line_is_kept(
    status: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = SimpleNamespace(stdout="...\n3 passed in 1 s\n\n", stderr="", returncode=status)
    monkeypatch.setattr(command.subprocess, "run", lambda *_, **__: done)
    assert command._tests() == expected
