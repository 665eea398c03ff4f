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
from benchmarks.lab.contents import rounded
from benchmarks.lab.page import WORKER, script
from benchmarks.tasks.shifts import rotated
from methods import Prediction
from methods.networks.architectures import LeNet5, LeNet5ReLU
from methods.networks.recipes import LabelledImages

NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="no node: the tests marked browser remain")

UNPACKED = """
const bytesOf = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const networkOf = ({ content, ...rest }) => ({ ...rest, layers: unpacked(bytesOf(content)) });
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
def test_logits_are_those_of_pytorch(kind: type[LeNet5], test_images: LabelledImages) -> None:
    small = rounded(drawn_network(kind))
    images = test_images.images[:4]
    masks = small.network.passes(0, 0, 6)
    masks[0, :6] = False
    answers = computed(
        """
        const network = networkOf(given.network);
        return given.images.map((image) => {
          const terms = secondTerms(network, image);
          const logits = (scales) => logitsOfTerms(network, terms, scales);
          const on = given.masks.map((mask) => logits(scalesOf(network, mask)));
          return { off: logits(ALL), on };
        });
        """,
        {
            "network": {
                **{name: getattr(small.network, name) for name in ("mean", "std", "dropout")},
                "form": kind.name,
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


def test_summaries_are_predictions_of_the_suite() -> None:
    random = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(12, 5, 10, generator=random)
    answers = computed("return given.map(summaryOf);", logits.transpose(0, 1).tolist())
    expected = Prediction.of_logits(logits)
    assert [answer["members"] for answer in answers] == [12] * 5
    torch.testing.assert_close(
        torch.tensor([answer["votes"] for answer in answers]).double() / 12, expected.vote_share
    )
    means = torch.tensor([answer["mean"] for answer in answers], dtype=torch.float64)
    torch.testing.assert_close(means, expected.mean)
    assert [answer["answer"] for answer in answers] == expected.mean.argmax(dim=1).tolist()
    confidence = [answer["confidence"] for answer in answers]
    assert confidence == pytest.approx(expected.mean.amax(dim=1).tolist())


SIDE = 280
DRAWINGS: dict[str, list[tuple[int, int]]] = {
    "wide": [(20, 60), (250, 70), (130, 200), (131, 207)],
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


JUDGE = ("answers.js", "curves.js")
Votes = tuple[int, int]
"""The answer, and its votes of 50 networks or of 100 passes; or the single network's percent."""


def judged(single: Votes, passes: Votes, networks: Votes, truth: int | None) -> dict[str, str]:
    """The verdict on members of which the others are for the class before the answer."""
    given = {}
    for method, (name, count), members in (
        *(("deep_ensemble", networks, 50), ("mc_dropout", passes, 100)),
        ("softmax", single, 1),
    ):
        votes = [0] * 10
        votes[name], votes[name - 1] = count, members - count
        share = count / (100 if members == 1 else members)
        given[method] = {"answer": name, "votes": votes, "members": members, "confidence": share}
    shown: dict[str, str] = computed("return verdict(...given);", [given, truth], JUDGE)
    return shown


@pytest.mark.parametrize(
    ("single", "passes", "networks", "truth", "begins", "lesson"),
    [
        ((8, 99), (8, 99), (8, 50), 8, "Right: 50 of 50 networks vote 8; 99 of 100 passes", ""),
        ((8, 99), (8, 97), (8, 43), -1, "Wrong: all ten classes are", "Agreement is not knowledge"),
        ((9, 96), (9, 60), (4, 30), 8, "Wrong: the label is 8", "Here disagreement warns; the"),
        ((9, 79), (9, 60), (9, 40), 8, "Wrong: the label is 8", "Agreement is not knowledge"),
        ((9, 79), (9, 60), (9, 39), 8, "Wrong: the label is 8", "Here disagreement warns."),
        ((3, 80), (8, 60), (8, 45), 8, "Wrong: the single network; right", "Here the votes know"),
        ((8, 80), (8, 60), (8, 45), 8, "Right: 45 of 50 networks", "Disagreement is no error"),
        ((8, 80), (8, 60), (8, 45), None, "No label is known. 45 of", "MC-dropout is divided"),
        ((8, 80), (8, 90), (8, 30), None, "No label is known. 30 of", "The networks are divided"),
        ((8, 80), (8, 60), (8, 30), None, "No label is known. 30 of", "Both are divided: the"),
        ((8, 80), (4, 90), (8, 45), None, "No label is known. 45 of", "Each is sure of another"),
        ((8, 80), (8, 90), (8, 45), None, "No label is known. 45 of", "If you meant no 8: agree"),
    ],
)
def test_verdict_says_who_is_right_and_whether_disagreement_warns(
    single: Votes, passes: Votes, networks: Votes, truth: int | None, begins: str, lesson: str
) -> None:
    shown = judged(single, passes, networks, truth)
    assert shown["text"].startswith(begins)
    assert (shown.get("lesson") or "").startswith(lesson)
    assert bool(shown.get("lesson")) == bool(lesson)


def test_votes_are_counted_for_the_class_that_is_named() -> None:
    """Of 100 passes most vote 8, and their mean answers 0."""
    votes = [42, 0, 0, 15, 0, 0, 0, 0, 43, 0]
    summary = {"members": 100, "votes": votes, "answer": 0}
    text = computed("return voting('mc_dropout', given);", summary, JUDGE)
    assert text == "42 of 100 passes vote 0, the answer of their mean, and 43 vote 8"


@pytest.mark.parametrize(
    ("label", "angle", "truth"),
    [(8, 180, 8), (6, 90, 6), (6, 105, None), (9, -105, None), (-1, 180, -1), (None, 0, None)],
)
def test_a_six_is_no_six_upside_down(label: int | None, angle: int, truth: int | None) -> None:
    assert computed("return truthAt(...given);", [label, angle], JUDGE) == truth
