"""The lab's scripts, run by Node.js: JSON in, JSON out; beside PyTorch and Python."""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from benchmarks.check import read_digit
from benchmarks.lab.contents import LARGE, MEASURES, rounded
from benchmarks.lab.page import WORKER, script
from benchmarks.metrics import METRICS
from benchmarks.tasks.shifts import rotated
from methods import Prediction
from methods.networks.architectures import LeNet5, LeNet5ReLU
from methods.networks.recipes import LabelledImages

NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="no node: the tests marked browser remain")

UNPACKED = """
const bytesOf = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const networkOf = ({ content, eightBits, ...rest }) =>
  ({ ...rest, layers: unpacked(bytesOf(content), eightBits) });
"""


def computed(code: str, given: Any, scripts: Sequence[str] = WORKER[:-1]) -> Any:
    """What the code returns, a function's body that sees ``given`` and the scripts."""
    assert NODE is not None
    functions = "\n".join(script(name) for name in scripts)
    program = (
        f"{functions}\n{UNPACKED}\n"
        f"const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n"
        f"const result = (() => {{ {code} }})();\n"
        "process.stdout.write(JSON.stringify(result, (_, value) =>\n"
        "  ArrayBuffer.isView(value) ? Array.from(value) : value));"
    )
    done = subprocess.run(
        [NODE, "--eval", program], input=json.dumps(given), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def drawn_network(kind: type[LeNet5]) -> LeNet5:
    """Of large random weights and biases, so that no two classes have nearly one probability."""
    random = torch.Generator().manual_seed(1)
    network = kind(mean=0.2, std=0.4, dropout=0.25, generator=random)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5).add_(0.1 * torch.randn(parameter.shape, generator=random))
    return network


@pytest.mark.parametrize("kind", [LeNet5, LeNet5ReLU])
@pytest.mark.parametrize("eight_bits", [(), LARGE])
def test_logits_are_those_of_pytorch(
    kind: type[LeNet5], eight_bits: tuple[str, ...], test_images: LabelledImages
) -> None:
    small = rounded(drawn_network(kind), eight_bits)
    images = test_images.images[:4]
    masks = small.network.passes(0, 0, 6)
    answers = computed(
        """
        const network = networkOf(given.network);
        return given.images.map((image) =>
          ({ off: logits(network, image), on: passLogits(network, image, given.masks) }));
        """,
        {
            "network": {
                **{
                    name: getattr(small.network, name)
                    for name in ("name", "mean", "std", "dropout")
                },
                "eightBits": list(small.eight_bits),
                "content": b64encode(small.content).decode("ascii"),
            },
            "images": images.flatten(start_dim=1).tolist(),
            "masks": masks.int().tolist(),
        },
    )
    with torch.no_grad():
        off = small.network(images)
        on = torch.stack([small.network(images, mask[None]) for mask in masks], dim=1)
    assert off.std() > 0.5
    torch.testing.assert_close(
        torch.tensor([answer["off"] for answer in answers]), off, atol=2e-4, rtol=0
    )
    torch.testing.assert_close(
        torch.tensor([answer["on"] for answer in answers]), on, atol=2e-4, rtol=0
    )


def test_measures_are_those_of_the_suite() -> None:
    random = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(12, 5, 10, generator=random)
    answers = computed(
        """
        return given.map((members) => {
          const tally = new Tally();
          for (const logits of members) tally.add(logits);
          return tally.summary;
        });
        """,
        logits.transpose(0, 1).tolist(),
    )
    expected = Prediction.of_logits(logits)
    assert [answer["members"] for answer in answers] == [12] * 5
    torch.testing.assert_close(
        torch.tensor([answer["votes"] for answer in answers]).double() / 12, expected.vote_share
    )
    means = torch.tensor([answer["mean"] for answer in answers], dtype=torch.float64)
    torch.testing.assert_close(means, expected.mean)
    for measure in MEASURES:
        values = torch.tensor(
            [answer["measures"][measure] for answer in answers], dtype=torch.float64
        )
        torch.testing.assert_close(values, METRICS[measure].function(expected).double())


@pytest.mark.parametrize(
    ("value", "count"), [(0.05, 0), (0.1, 0), (0.2, 1), (0.25, 3), (0.5, 3), (0.51, 4)]
)
def test_standing_counts_smaller_values(value: float, count: int) -> None:
    code = "return smaller(Float32Array.from(given.sorted), given.value);"
    assert computed(code, {"sorted": [0.1, 0.2, 0.2, 0.5], "value": value}) == count


SIDE = 280
DRAWINGS: dict[str, list[tuple[int, int]]] = {
    "wide": [(20, 60), (250, 70), (130, 200), (131, 207)],
    "tall": [(140, 10), (150, 265), (146, 30)],
    "small and off the middle": [(33, 200), (57, 233), (40, 241)],
    "at the edge": [(270, 270), (279, 150)],
}


def drawing(points: list[tuple[int, int]]) -> Image.Image:
    image = Image.new("L", (SIDE, SIDE))
    ImageDraw.Draw(image).line(points, fill=255, width=22, joint="curve")
    return image.resize((SIDE * 2, SIDE * 2)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)


def ink(image: Image.Image) -> list[float]:
    return (np.asarray(image, dtype=np.float64).ravel() / 255).tolist()


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_becomes_the_image_that_epistemic_check_reads(name: str, tmp_path: Path) -> None:
    image = drawing(DRAWINGS[name])
    image.save(tmp_path / "drawing.png")
    expected = read_digit(tmp_path / "drawing.png").flatten()
    pixels = computed(f"return fitted(Float32Array.from(given), {SIDE});", ink(image))
    assert expected.max() == 1
    torch.testing.assert_close(torch.tensor(pixels), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("angle", [1, 30, 45.5, 90, -120, 180])
def test_rotation_is_that_of_the_conditions(angle: float, test_images: LabelledImages) -> None:
    # Grey to the edges, where the ways of rotating differ.
    images = (test_images.images[:2] + 0.3).clamp(0, 1)
    turned = computed(
        "return given.images.map((image) => rotated(Float32Array.from(image), given.angle));",
        {"images": images.flatten(start_dim=1).tolist(), "angle": angle},
    )
    expected = rotated(images, angle).flatten(start_dim=1)
    torch.testing.assert_close(torch.tensor(turned), expected, atol=2e-4, rtol=0)


def test_drawing_in_the_frame_of_an_image_is_averaged() -> None:
    shown = np.random.default_rng(0).integers(0, 256, (28, 28)) / 255
    enlarged = np.kron(shown, np.ones((10, 10)))
    enlarged[:10, :5] = 1  # drawn over half of the first pixel
    pixels = computed(
        f"return framed(Float32Array.from(given), {SIDE});", enlarged.ravel().tolist()
    )
    expected = shown.copy()
    expected[0, 0] = (1 + shown[0, 0]) / 2
    np.testing.assert_allclose(pixels, expected.ravel(), atol=1e-5)


def members_for(name: int, share: float, members: int) -> dict[str, Any]:
    """Members of which a share is for a class, and the others for the class before."""
    votes, mean = [0] * 10, [0.0] * 10
    votes[name], votes[name - 1] = round(share * members), members - round(share * members)
    mean[name], mean[name - 1] = share, 1 - share
    return {"votes": votes, "mean": mean, "members": members}


@pytest.mark.parametrize(
    ("single", "passes", "networks", "begin", "telling"),
    [
        ((8, 0.99), (8, 1.0), (8, 1.0), "All choose the same: the single network gives 8", False),
        (
            (8, 0.9),
            (8, 0.6),
            (8, 0.8),
            "The single network is sure, and the networks are not",
            True,
        ),
        ((8, 0.9), (8, 0.6), (8, 0.82), "The single network and the networks are sure", False),
        ((8, 0.95), (8, 1.0), (3, 0.9), "The single network and the networks contradict", False),
        ((8, 0.89), (8, 1.0), (8, 0.9), "The single network is unsure, and the networks", False),
        ((8, 0.6), (8, 0.6), (3, 0.7), "None is sure: the single network gives 8", False),
    ],
)
def test_verdict_follows_from_probability_and_votes(
    single: tuple[int, float],
    passes: tuple[int, float],
    networks: tuple[int, float],
    begin: str,
    telling: bool,
) -> None:
    given = [members_for(*single, 1), members_for(*passes, 100), members_for(*networks, 50)]
    shown = computed("return verdict(...given);", given, ("answers.js",))
    assert shown["text"].startswith(begin)
    assert shown["telling"] is telling
    votes = round(50 * networks[1])
    assert f"{votes} of the 50 networks vote for {networks[0]}" in shown["text"]


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0, "as certain as any test image"),
        (0.9929, "more uncertain than 99.2 % of test images"),
        (0.99999, "more uncertain than 99.9 % of test images"),
        (1, "more uncertain than all test images"),
        (None, ""),
    ],
)
def test_standing_is_never_exaggerated(share: float | None, shown: str) -> None:
    assert computed("return standing(given);", share, ("answers.js",)) == shown
