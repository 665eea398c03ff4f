"""What a user types, and the one line of a mistake."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from inspect import signature
from pathlib import Path

import pytest
import torch
from typer.main import get_command

from benchmarks.api import run_benchmark
from benchmarks.commands import NETWORKS, app
from benchmarks.data import loading
from benchmarks.data.files import Unavailable
from benchmarks.options import OPTIONS, option_of
from benchmarks.run.configuration import PRESETS, configuration_of
from benchmarks.run.plan import Plan
from benchmarks.run.stages import STAGES, Failure
from benchmarks.run.workspace import Workspace
from benchmarks.tasks import TASKS
from benchmarks.tasks.mnist import MNIST
from methods import METHODS
from tests.processes import status_of
from tests.runs import Run, forget_images

CommandLine = Callable[..., tuple[int, str, str]]

RECIPES = [recipe.name for recipe in MNIST.recipes]


@pytest.fixture(autouse=True)
def _empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("UNCERTAINTY_BENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def command_line(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Exit status, standard output and standard error of these arguments."""

    def call(*arguments: str) -> tuple[int, str, str]:
        return status_of(*arguments), *capsys.readouterr()

    return call


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Run, str | None, bool]]:
    """What would have been run."""
    runs = []

    def record(
        plan: Plan, workspace: Workspace, only: str | None, *, overwrite: bool
    ) -> list[Failure]:
        runs.append((Run(plan, workspace), only, overwrite))
        return []

    monkeypatch.setattr("benchmarks.run.stages.run_stages", record)
    return runs


def test_version_and_choices_are_shown(command_line: CommandLine) -> None:
    assert command_line("--version") == (0, version("uncertainty-bench") + "\n", "")
    status, shown, error = command_line("--list")
    assert (status, error) == (0, "")
    conditions = {condition.name for condition in MNIST.conditions}
    assert {*PRESETS, *TASKS, *RECIPES, *METHODS, *conditions, *STAGES} < {*shown.split()}
    assert re.search(r"\n full +well-trained +1, 5 ", shown)
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--preset slow", ["slow", *PRESETS]),
        ("--recipe article,well-trained", ["'article,well-trained'", *RECIPES]),
        ("--task digits --recipe article", ["'article'", "well-trained"]),
        ("--task digits --preset article", ["'article'", "another preset"]),
        ("--budget 1,many", ["'many'", "--budget 1,5"]),
        ("--budget nan", ["--budget: nan is out of range", "above 0"]),
        ("--budget 1,1.0", ["--budget: 1.0 is given twice", "once"]),
        ("--methods softmax,magic", ["magic", *METHODS]),
        ("--methods '' --conditions clean", ["--methods", "--method"]),
        ("--conditions clean,upside-*", ["upside-*", "clean", "rotated-015", "ood-kmnist"]),
        ("--members 10,ten", ["ten", "--members 50"]),
        ("--members -5", ["--members: -5 is too small", "at least 1"]),
        (f"--members {'9' * 5000}", ["--members", "is not a whole number"]),
        ("--members 5 --pool 2 --plan", ["--pool: 2 is too small", "the 5 networks"]),
        ("scores", ["there is no command 'scores'", "run, score, check"]),
        ("--resamples 100", ["--resamples", "No such option"]),
        ("--seed -1", ["-1", "from 0"]),
        ("--data-dir 'no\nwhere\x1b[2J'", ["no where?[2J", "no such folder"]),
        ("--metods softmax", ["--metods", "--methods"]),
        ("--method mine.py", ["mine.py", "path/to/file.py:ClassName"]),
        ("--method nowhere.py:Mine", ["nowhere.py", "no file"]),
        ("--method two.py:Mine", ["--method", "two.py:Mine: ", "ValueError: two"]),
        ("--out taken", ["taken"]),
        ("--networks taken", ["--networks taken: this is a file; name a folder"]),
        ("--out taken/inside", ["--out", "taken/inside: ", "cannot be created"]),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_bad_value_is_reported_in_one_line(
    arguments: str, words: list[str], command_line: CommandLine
) -> None:
    Path("taken").write_text("a file")
    Path("two.py").write_text("raise ValueError('two\\nlines')")
    before = {*Path.cwd().iterdir()}
    status, shown, error = command_line(*shlex.split(arguments))
    assert (status, shown) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", error)
    assert [word for word in words if word not in error] == []
    assert {*Path.cwd().iterdir()} - {Path.cwd() / "__pycache__"} == before


@pytest.mark.parametrize("end", [[], ["--plan"], ["--only", "train"]])
def test_budget_that_allows_no_epoch_of_a_method_is_refused_before_the_run(
    end: list[str], command_line: CommandLine
) -> None:
    chosen = "--task", "digits", "--methods", "softmax,variational", "--networks", "networks"
    status, shown, error = command_line(*chosen, "--epochs", "1", "--members", "1", *end)
    assert (status, shown) == (2, "")
    assert re.fullmatch(r"error: --epochs, .* of 'variational', .*more epochs.*\n", error)
    assert [path.name for path in Path.cwd().iterdir()] == ["networks"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_is_refused_where_there_is_none(command_line: CommandLine) -> None:
    status, _, error = command_line("--device", "cuda")
    assert status == 2
    assert re.fullmatch(r"error: --device cuda: .* use cpu or auto\n", error)


@pytest.mark.parametrize(
    "command", [["--jobs", "1"], ["--plan"], ["lab"], ["check", "--index", "1"]]
)
def test_unavailable_mnist_is_reported_in_one_line(
    command: list[str],
    command_line: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    forget_images()
    (tmp_path / "stored.safetensors").touch()  # a plan without networks needs no images

    def nowhere(*_: object, **__: object) -> None:
        raise Unavailable("mnist is unavailable: no connection")

    monkeypatch.setattr(loading, "read", nowhere)
    # Nothing is compiled for nothing, which would be a line more on stderr.
    monkeypatch.setattr("methods.engines.lenet5_kernels.kernels_are_cached", lambda: False)
    options = ("--networks", str(tmp_path), "--device", "cpu")
    status, _, error = command_line(*command, *options)
    assert status == 2
    assert re.fullmatch(r"error: [^\n]*no connection[^\n]*\n", error)


COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


def test_option_of_a_run_is_an_argument_with_the_same_default_and_help() -> None:
    declared = {each.name: each for each in COMMANDS["run"].params if each.name in OPTIONS}
    assert {name: each.opts[0] for name, each in declared.items()} == {
        name: option_of(name) for name in OPTIONS
    }
    arguments = signature(run_benchmark).parameters
    for name, each in declared.items():
        assert arguments[name].default == each.default
        assert name in ("task", "methods") or f"    {name}: {each.help}" in run_benchmark.__doc__
    for command in ("check", "lab"):  # which train the article's networks
        shared = {each.name: each for each in COMMANDS[command].params if each.name in NETWORKS}
        assert {*shared} == {*NETWORKS}
        for name, each in shared.items():
            assert (each.help, each.default) == (declared[name].help, declared[name].default)


def test_options_choose_the_configuration(
    command_line: CommandLine,
    chosen: list[tuple[Run, str | None, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("UNCERTAINTY_BENCH_DATA", ".")
    status, _, _ = command_line(
        *("--preset", "full", "--recipe", "article", "--budget", "5, 0.5", "--budget", "1"),
        *("--methods", "softmax,mc_dropout", "--conditions", "rotated-0[13]*,ood-*noise"),
        *("--members", "20", "--passes", "100,5", "--passes", "10", "--replicates", "4"),
        *("--images", "60", "--epochs", "3", "--batch-sizes", "32,4", "--seed", "8"),
        *("--device", "cpu", "--jobs", "2"),
        *("--only", "measure", "--overwrite", "--out", "there", "--networks", "pool"),
    )
    assert status == 0
    ((run, only, overwrite),) = chosen
    assert run.plan.configuration == replace(
        configuration_of("full", recipe="article"),
        budgets=(0.5, 1, 5),
        methods=("softmax", "mc_dropout"),
        conditions=("rotated-015", "rotated-030", "ood-uniform_noise", "ood-gaussian_noise"),
        **{"members": (20,), "passes": (5, 10, 100), "replicates": 4, "images": 60},
        **{"epochs": 3, "batch_sizes": (4, 32), "seed": 8},
    )
    machine = run.workspace
    here = Path.cwd()
    assert (machine.out, machine.networks) == (here / "there", here / "pool")
    assert (machine.data_dir, machine.jobs) == (here, 2)
    assert (only, overwrite) == ("measure", True)


def test_without_options_it_is_the_preset(
    command_line: CommandLine, chosen: list[tuple[Run, str | None, bool]]
) -> None:
    folders = {(preset, "mnist"): preset for preset in PRESETS} | {
        ("quick", "digits"): "digits-quick"
    }
    for (preset, task), folder in folders.items():
        command_line("--preset", preset, "--task", task, "--device", "cpu")
        run, only, overwrite = chosen.pop()
        assert run.plan.configuration == configuration_of(preset, task)
        assert run.workspace.out == Path.cwd() / "results" / "mine" / folder
        assert (run.workspace.data_dir, only, overwrite) == (None, None, False)


@pytest.mark.parametrize(("has_browser", "message"), [(True, ""), (False, "no browser was found")])
@pytest.mark.usefixtures("chosen")
def test_page_is_opened_at_the_end(
    has_browser: bool, message: str, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or has_browser)
    page = Path("out/index.html")
    _, _, error = command_line("--open", "--out", "out")
    assert error == f"--open: there is no {page} yet; run without --only first\n"
    page.parent.mkdir()
    record = {"version": "", "command": "", "configuration": {}}
    (page.parent / "run.json").write_text(json.dumps(record))
    page.touch()
    status, _, error = command_line("--open", "--out", "out")
    assert (status, opened) == (0, [page.resolve().as_uri()])
    assert message in error
