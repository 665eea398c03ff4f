"""The lab as one HTML file that needs neither network nor server."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmarks.claims.predictor import ENSEMBLE, PASSES, SAMPLED, SOFTMAX
from benchmarks.environment import suite_version
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
from methods.engines import (
    EngineName,
)
from methods.networks.recipes import RELU_DROPOUT, STANDARD

LABELS = {STANDARD.name: "The article’s network (tanh)", RELU_DROPOUT.name: "The ReLU network"}
"""The recipes of the lab, and what it calls their networks."""

WORKER = ("sizes.js", "lenet5.js", "measures.js", "images.js", "worker.js")
PAGE = ("sizes.js", "answers.js", "pad.js", "lab.js")
"""The scripts of the worker and of the page, in the order in which each needs them."""

STEPS = (
    ("clear", "A clear 8", "The article calls this 8 typical. See whether anybody doubts it."),
    (
        "peculiar",
        "The peculiar 8",
        "The article’s edge case: also an 8, by its label. Compare how sure the single network is "
        "with how the networks vote.",
    ),
    (
        "turned",
        "An 8, rotated",
        "The clear 8 turns until it is none. No network has seen rotated digits, and none can "
        "answer “this is no digit”.",
    ),
    (
        "letter",
        "A letter",
        "A K is none of the ten classes, so every answer is wrong. An honest method is uncertain.",
    ),
    (
        "own",
        "Your own",
        "Draw a digit. Can you draw one of which the single network is sure, and the networks are "
        "not?",
    ),
)
"""Name, text of the button, and a sentence for the reader."""

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
    html = environment.get_template("lab.html.j2").render(
        recipes=[_recipe(one) for one in recipes],
        methods=[_method(name, names, recipes) for name in (SAMPLED, ENSEMBLE, SOFTMAX)],
        measures=[
            {
                "name": name,
                "label": METRICS[name].label,
                "meaning": MEANINGS[name],
                "summary": METRICS[name].summary,
            }
            for name in MEASURES
        ],
        steps=STEPS,
        made=made,
        test_images=max(len(values) for values in recipes[0].standings.values()),
        setting=_setting(recipes),
        style=_style(),
        worker="\n".join(map(script, WORKER)),
        script="\n".join(map(script, PAGE)),
    )
    with written_whole(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def script(name: str) -> str:
    """The text of one of the page's files."""
    return (files("benchmarks.lab") / "static" / name).read_text(encoding="utf-8")


def _style() -> str:
    """The look of the page of results, and what the lab adds to it."""
    shared = files("benchmarks.report") / "static" / "page.css"
    return f"{shared.read_text(encoding='utf-8')}\n{script('lab.css')}"


def _setting(recipes: Sequence[RecipeContents]) -> dict[str, Any]:
    """What the scripts must know before any network has arrived."""
    return {
        "typical": TYPICAL,
        "peculiar": PECULIAR,
        "recipes": [
            {
                "name": one.name,
                "network": first.name,
                "mean": first.mean,
                "std": first.std,
                "dropout": first.dropout,
                "count": len(one.networks),
                "masks": ["".join(str(int(kept)) for kept in mask) for mask in one.masks],
            }
            for one in recipes
            for first in [one.networks[0].network]
        ],
    }


def _method(name: str, names: Names, recipes: Sequence[RecipeContents]) -> dict[str, Any]:
    return {
        "name": name,
        "label": "Single network" if name == SOFTMAX else names.method(name).label,
        "color": css_color(look_of(names, name).color),
        "says": {one.name: _says(name, one) for one in recipes},
    }


def _says(method: str, recipe: RecipeContents) -> str:
    """What its count plot shows."""
    return {
        SAMPLED: f"votes of {len(recipe.masks)} passes of network 0",
        ENSEMBLE: f"votes of {len(recipe.networks)} networks",
        SOFTMAX: "probabilities of network 0, in %",
    }[method]


def _recipe(one: RecipeContents) -> dict[str, Any]:
    return {
        "name": one.name,
        "label": one.label,
        "count": len(one.networks),
        "groups": one.groups,
        "networks": [
            {"eight_bits": " ".join(network.eight_bits), "text": _text(network.content)}
            for network in one.networks
        ],
        "scores": [
            {"method": method, "measure": measure, "text": _text(values.tobytes())}
            for (method, measure), values in one.standings.items()
        ],
        "rounded": (
            "Network 0 is stored in numbers of 16 bits; of the others, the weights of the two "
            "largest layers in 8 bits with a scale an output. On the first "
            f"{COMPARED} test images, upright and rotated by {ANGLE:g}°, this changes a mean "
            f"probability of the networks by at most {one.change:.4f}, and their votes for a class "
            f"by at most {one.votes_changed} of {len(one.networks)}."
        ),
    }


def _text(content: bytes) -> str:
    return b64encode(content).decode("ascii")
