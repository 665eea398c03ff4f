"""The lab as one HTML file that needs neither network nor server."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmarks.claims.predictor import ENSEMBLE, PASSES, SAMPLED, SOFTMAX
from benchmarks.io import written_whole
from benchmarks.lab.contents import (
    ANGLE,
    COMPARED,
    MEASURES,
    RecipeContents,
    recipe_contents,
    require_stored,
)
from benchmarks.metrics import METRICS
from benchmarks.nouns import Names
from benchmarks.report.style import css_color, look_of
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from benchmarks.vocabulary import PECULIAR, TYPICAL
from methods.determinism import suite_version
from methods.engines import EngineName
from methods.networks.recipes import RELU_DROPOUT, STANDARD

LABELS = {STANDARD.name: "The article’s network (tanh)", RELU_DROPOUT.name: "The ReLU network"}
"""The recipes of the lab, and what it calls their networks."""

WORKER = ("networks.js", "images.js", "worker.js")
PAGE = ("answers.js", "pad.js", "lab.js")
"""The scripts of the worker and of the page, in the order in which each needs them."""

MEANINGS = {
    "predictive_entropy": "(total uncertainty, in nats)",
    "mutual_information": "(the part from disagreement, in nats)",
    "pairwise_disagreement": "(the chance that two members vote differently)",
}


def lab_plan(
    *, epochs: int | None, seed: int, device: Literal["cpu", "cuda"], engine: EngineName
) -> Plan:
    """The run whose networks the lab shows: ``epochs`` epochs, or as many as the recipes say."""
    article = configuration_of("article")
    return Plan(
        replace(
            article,
            recipes=tuple(LABELS),
            methods=(SOFTMAX, SAMPLED, ENSEMBLE),
            epochs=epochs,
            seed=seed,
            device=device,
            engine=engine,
        )
    )


def make_lab(
    plan: Plan, workspace: Workspace, path: Path, *, members: int, relu_members: int
) -> None:
    """Write the lab of so many stored networks of each recipe.

    Raises:
        UserError: some of them are not stored; it says what trains them.
    """
    counts = dict(zip(LABELS, (members, relu_members), strict=True))
    require_stored(plan, workspace, counts)
    contents = [
        recipe_contents(plan, workspace, recipe, LABELS[recipe], networks=count, passes=PASSES)
        for recipe, count in counts.items()
    ]
    recipe = plan.configuration.recipe(STANDARD.name)
    made = (
        f"All networks are LeNet-5 with 61,706 weights, trained by uncertainty-bench "
        f"{suite_version()} on MNIST for {recipe.epochs} epochs (seed {plan.configuration.seed}). "
        f"MC-dropout drops whole channels of network 0, by the same {PASSES} masks as in the "
        "results; the other two leave dropout off. The forward pass is plain JavaScript."
    )
    write_lab(contents, nouns_of(plan), made, path)


def write_lab(recipes: Sequence[RecipeContents], names: Names, made: str, path: Path) -> None:
    """Write the page; the same contents give the same bytes.

    Args:
        made: a sentence on where the networks come from.
    """
    environment = Environment(
        loader=PackageLoader("benchmarks.lab"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["base64"] = lambda content: b64encode(content).decode("ascii")
    shared = files("benchmarks.report") / "static" / "page.css"
    html = environment.get_template("lab.html.j2").render(
        recipes=recipes,
        methods=[
            {
                "name": name,
                "label": "Single network" if name == SOFTMAX else names.method(name).label,
                "color": css_color(look_of(names, name).color),
            }
            for name in (SAMPLED, ENSEMBLE, SOFTMAX)
        ],
        measures=[METRICS[name] for name in MEASURES],
        meanings=MEANINGS,
        made=made,
        compared=COMPARED,
        angle=f"{ANGLE:g}",
        test_images=max(len(values) for values in recipes[0].standings.values()),
        # What the scripts must know before any network has arrived.
        setting={
            "typical": TYPICAL,
            "peculiar": PECULIAR,
            "recipes": [
                {
                    "name": recipe.name,
                    "network": first.name,
                    "mean": first.mean,
                    "std": first.std,
                    "dropout": first.dropout,
                    "count": len(recipe.networks),
                    "masks": ["".join(str(int(kept)) for kept in mask) for mask in recipe.masks],
                }
                for recipe in recipes
                for first in [recipe.networks[0].network]
            ],
        },
        style=f"{shared.read_text(encoding='utf-8')}\n{script('lab.css')}",
        worker="\n".join(map(script, WORKER)),
        script="\n".join(map(script, PAGE)),
    )
    with written_whole(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def script(name: str) -> str:
    """The text of one of the page's files."""
    return (files("benchmarks.lab") / "static" / name).read_text(encoding="utf-8")
