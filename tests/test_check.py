"""The article's count plot, from the command line and from Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.data.loading import load_mnist
from tests.processes import status_of
from tests.runs import small_mnist

GUIDE = Path(__file__).parents[1] / "docs" / "running.md"

CommandLine = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module", autouse=True)
def _small_mnist() -> Iterator[None]:
    with small_mnist(training=600, test=600):
        yield


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.fixture
def command_line(
    networks: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> CommandLine:
    """Exit status, standard output and standard error of these arguments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: str) -> tuple[int, str, str]:
        options = ("--networks", str(networks), "--members", "3")
        return status_of("check", *arguments, *options), *capsys.readouterr()

    return call


def test_votes_are_shown_and_drawn(command_line: CommandLine, tmp_path: Path) -> None:
    status, shown, told = command_line("--index", "591", "--passes", "40")
    assert status == 0
    assert "3 networks that are not stored yet" in told
    assert "Test image 591" in shown
    for label, votes in (("MC-dropout, T = 40", 40), ("Deep ensemble, M = 3", 3), ("Softmax", 1)):
        line = next(line for line in shown.splitlines() if line.startswith(label))
        counts = map(int, line.removeprefix(label).split())
        assert sum(counts) == votes
    assert "wrote epistemic-check-591.png" in shown
    with Image.open(tmp_path / "epistemic-check-591.png") as figure:
        assert figure.size == (1380, 420)
    # Stored networks are not trained again.
    assert command_line("--index", "591", "--passes", "40") == (0, shown, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name one image"),
        (("none.png",), "none.png: there is no such file"),
        (("--index", "10000"), "10000 is not a test image; expected 0 to 9999"),
        (("--index", "1", "--passes", "0"), "--passes: 0 is too small"),
        (("--index", "1", "--out", "a.doc"), "expected a file name that ends in .pdf"),
        (("--index", "1", "--device", "cuda", "--engine", "numba"), "--"),
    ],
)
def test_mistake_gets_one_line(
    arguments: tuple[str, ...], message: str, command_line: CommandLine
) -> None:
    status, shown, error = command_line(*arguments)
    assert (status, shown) == (2, "")
    assert re.fullmatch(r"error: [^\n]+\n", error)
    assert message in error


def test_image_file_is_taken_as_the_guide_says(command_line: CommandLine, tmp_path: Path) -> None:
    (name,) = re.findall(r"check (\w+\.png)`", GUIDE.read_text())
    digit = load_mnist("test").images[0, 0]
    for file in (name, r"mine [2] $\x$.png"):
        Image.fromarray((255 - digit * 255).byte().numpy()).resize((280, 280)).save(file)
        status, shown, _ = command_line(file, "--passes", "5", "--out", "a/b.svg")
        assert status == 0
        assert f"{file}: votes" in shown
        assert (tmp_path / "a" / "b.svg").read_text().startswith("<?xml")
