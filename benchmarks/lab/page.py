"""The lab as one HTML file that needs neither network nor server."""

from __future__ import annotations

import math
from base64 import b64encode
from importlib.resources import files
from pathlib import Path

from benchmarks.claims.predictor import ENSEMBLE, PASSES, SAMPLED, SOFTMAX
from benchmarks.io import write_whole
from benchmarks.lab.contents import LabContents, TrainedAlike, lab_contents
from benchmarks.nouns import Names
from benchmarks.report.style import css_color, look_of
from benchmarks.report.texts import templates
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.mnist import PECULIAR, TYPICAL
from benchmarks.vocabulary import CLAIMS_MD, INDEX_HTML
from methods.version import suite_version

METHODS = (SOFTMAX, SAMPLED, ENSEMBLE)
"""Those of the run whose networks the lab shows."""

WORKER = ("networks.js", "images.js", "worker.js")
PAGE = ("answers.js", "curves.js", "pad.js", "lab.js")
"""The scripts of the worker and of the page, in the order in which each needs them."""

BESIDE = {INDEX_HTML: "All results", CLAIMS_MD: "The article’s claims"}
"""Files of a run that the page links where they lie beside it, and what it calls them."""


def make_lab(plan: Plan, workspace: Workspace, path: Path, *, members: int) -> None:
    """Write the lab of so many networks of the article; those that are not stored are trained."""
    contents = lab_contents(plan, workspace, networks=members, passes=PASSES)
    made = (
        f"All networks are LeNet-5 with 61,706 weights, trained by uncertainty-bench "
        f"{suite_version()} on MNIST for {plan.recipe.epochs:g} epochs (seed "
        f"{plan.configuration.seed}). The single network is the ensemble’s first. MC-dropout drops "
        f"whole channels at a rate of {plan.recipe.dropout:g}, by the same {PASSES} masks as in "
        "the results; the other two leave dropout off. The forward pass is plain JavaScript."
    )
    write_lab(contents, nouns_of(plan), made, path)


def write_lab(contents: LabContents, names: Names, made: str, path: Path) -> None:
    """Write the page; the same contents and files beside it give the same bytes.

    Args:
        made: a sentence on where the networks come from.
    """
    environment = templates("benchmarks.lab", html=True)
    environment.filters["base64"] = lambda content: b64encode(content).decode("ascii")
    shared = files("benchmarks.report") / "static" / "page.css"
    first = contents.trainings[0].members[0].network
    masks = ["".join(str(int(kept)) for kept in mask) for mask in contents.masks]
    html = environment.get_template("lab.html.j2").render(
        contents=contents,
        methods=[
            {
                "name": name,
                "label": "Single network" if name == SOFTMAX else names.method(name).label,
                "color": css_color(look_of(names, name).color),
            }
            for name in METHODS
        ],
        trainings=[
            {"name": training.recipe.name, **_switch(training)} for training in contents.trainings
        ],
        dropout=first.dropout,
        layers=[
            (f"{title} layer: {size} channels", size)
            for title, size in zip(("First", "Second"), first.channels, strict=True)
        ],
        blank=[n for n, mask in enumerate(masks, 1) if "1" not in mask[: first.channels[0]]],
        # Rounded down, since it is said to be the least.
        kept=f"{math.floor(1e4 * contents.same_class) / 100:.2f} %",
        made=made,
        links=[(file, text) for file, text in BESIDE.items() if (path.parent / file).exists()],
        # What the scripts must know before any network has arrived.
        setting={
            "typical": TYPICAL,
            "peculiar": PECULIAR,
            "channels": first.channels,
            "trainings": list(map(_sent, contents.trainings)),
            "masks": masks,
        },
        style=f"{shared.read_text(encoding='utf-8')}\n{script('lab.css')}",
        worker="\n".join(map(script, WORKER)),
        script="\n".join(map(script, PAGE)),
    )
    write_whole(path, html)


def _switch(training: TrainedAlike) -> dict[str, str]:
    """What the switch calls a training, and a sentence on it."""
    count = len(training.members)
    if training.dropped is None:
        return {
            "label": "As the article trains",
            "sentence": f"{count} networks with dropout, tanh and the article’s loss. "
            "MC-dropout runs the single network.",
        }
    return {
        "label": "Trained well",
        "sentence": f"{count} networks without dropout, with ReLU and a falling learning rate. "
        "MC-dropout has a network of its own, trained so with dropout.",
    }


def _sent(training: TrainedAlike) -> dict[str, object]:
    """What the worker must know of a training: MC-dropout's network differs in its dropout only."""
    network = training.members[0].network
    dropped = (training.dropped or training.members[0]).network
    return {
        "name": training.recipe.name,
        "form": network.name,
        "mean": network.mean,
        "std": network.std,
        "dropout": dropped.dropout,
        "count": len(training.members),
    }


def script(name: str) -> str:
    """The text of one of the page's files."""
    return (files("benchmarks.lab") / "static" / name).read_text(encoding="utf-8")
