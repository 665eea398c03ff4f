"""The article's count plot, from the command line and from Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from benchmarks.check import read_digit
from benchmarks.data.loading import load_mnist
from benchmarks.io import UserError
from tests.processes import status_of
from tests.runs import small_mnist

GUIDE = Path(__file__).parents[1] / "docs" / "running.md"

CommandLine = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of networks of a small MNIST."""
    with small_mnist(training=600, test=600):
        yield tmp_path_factory.mktemp("networks")


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


def drawn(
    mode: str = "L", background: object = 255, ink: object = 0, size: tuple[int, int] = (200, 320)
) -> Image.Image:
    """A seven."""
    image = Image.new(mode, size, background)  # type: ignore[arg-type]
    corners = [
        (share * size[0], row * size[1]) for share, row in ((0.2, 0.2), (0.8, 0.2), (0.4, 0.8))
    ]
    ImageDraw.Draw(image).line(corners, fill=ink, width=max(1, size[0] // 10))  # type: ignore[arg-type]
    return image


def read(image: Image.Image, path: Path) -> torch.Tensor:
    image.save(path)
    return read_digit(path)


def test_mnists_images_stay_as_they_are(tmp_path: Path) -> None:
    unchanged = 0
    for image in load_mnist("test").images[:100]:
        file = Image.fromarray((image[0] * 255).round().byte().numpy())
        digit = read(file, tmp_path / "digit.png")
        # Faint pixels around the digit are no ink.
        unchanged += int(torch.allclose(digit, image, atol=0.11))
    assert unchanged >= 95


@pytest.mark.parametrize(
    ("mode", "background", "ink", "suffix"),
    [
        ("L", 120, 250, "png"),
        ("RGB", (250, 240, 200), (20, 30, 120), "jpg"),
        ("RGBA", (0, 0, 0, 0), (20, 40, 160, 255), "png"),
        ("LA", (0, 0), (255, 255), "png"),
        ("I;16", 60000, 100, "png"),
    ],
)
def test_every_kind_of_image_gives_the_same_digit(
    mode: str, background: object, ink: object, suffix: str, tmp_path: Path
) -> None:
    plain = read(drawn("L", 0, 255), tmp_path / "plain.png")
    digit = read(drawn(mode, background, ink), tmp_path / f"digit.{suffix}")
    assert digit.shape == (1, 28, 28)
    assert (digit - plain).abs().mean() < 0.02


def test_rotated_photograph_is_set_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated clockwise by 90 degrees
    drawn().transpose(Image.Transpose.ROTATE_90).save(tmp_path / "rotated.jpg", exif=exif)
    upright = read(drawn(), tmp_path / "upright.png")
    assert (read_digit(tmp_path / "rotated.jpg") - upright).abs().mean() < 0.02


@pytest.mark.parametrize("size", [(28, 28), (20, 60), (3000, 2000)])
def test_digit_fills_a_box_of_20_pixels_around_the_middle(
    size: tuple[int, int], tmp_path: Path
) -> None:
    digit = read(drawn("L", 0, 255, size), tmp_path / "digit.png")[0].numpy()
    assert (digit.min(), digit.max()) == (0, 1)
    rows, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for axis in (0, 1):
        centre = (digit.sum(axis=1 - axis) * np.arange(28)).sum() / digit.sum()
        assert centre == pytest.approx(14, abs=3)


def test_what_holds_no_digit_gets_one_line_and_postscript_starts_no_program(tmp_path: Path) -> None:
    paths = [
        tmp_path / name for name in ("none.png", "text.png", "digit.png", "nan.tiff", "grey.png")
    ]
    _, text, postscript, tiff, grey = paths
    text.write_bytes(b"not an image")
    drawn().save(postscript, format="EPS")
    Image.fromarray(np.full((10, 10), np.nan, dtype=np.float32)).save(tiff)
    Image.new("L", (50, 50), 128).save(grey)
    messages = (
        *("there is no such file", "cannot be read as an image"),
        *("expected one of pixels: PNG, JPEG", "the image is blank", "the image is blank"),
    )
    for path, message in zip(paths, messages, strict=True):
        with pytest.raises(UserError, match=rf"\A[^\n]*{message}[^\n]*\Z"):
            read_digit(path)
