"""The lab, a page on which networks vote: ``uncertainty-bench lab``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.claims.predictor import ENSEMBLE, PASSES, SAMPLED, SOFTMAX
from benchmarks.command_line import (
    NETWORKS,
    DataDir,
    Device,
    EngineChoice,
    Networks,
    exit_status,
    fitting_device,
    named_folder,
    workspace_for,
)
from benchmarks.environment import suite_version
from benchmarks.io import UserError
from benchmarks.lab.contents import recipe_contents, require_stored
from benchmarks.lab.page import write_lab
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from benchmarks.vocabulary import LAB_HTML
from methods.engines.choice import fitting_engine
from methods.networks.recipes import RELU_DROPOUT, STANDARD

LABELS = {STANDARD.name: "The article’s network (tanh)", RELU_DROPOUT.name: "The ReLU network"}
"""The recipes of the lab, and what it calls their networks."""


def main(
    members: Annotated[int, typer.Option(help="Networks of the article's kind.", min=2)] = 50,
    relu_members: Annotated[int, typer.Option(help="Networks with ReLU.", min=2)] = 20,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs that the networks were trained.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of networks and masks.")] = 0,
    device: Device = "auto",
    engine: EngineChoice = "auto",
    data_dir: DataDir = None,
    networks: Networks = NETWORKS,
    out: Annotated[
        Path, typer.Option(help="Where to write.", parser=named_folder, metavar="PATH")
    ] = Path(LAB_HTML),
) -> None:
    """Make the lab: one page, offline, on which one draws a digit and sees networks disagree.

    It holds networks that run_all.py has trained, and compares what is drawn with all test images.
    """
    if out.suffix != ".html" or out.is_dir():
        raise UserError(f"--out {out}: expected a file name that ends in .html")
    device = fitting_device(device)
    counts = {STANDARD.name: members, RELU_DROPOUT.name: relu_members}
    plan = Plan(
        replace(
            configuration_of("article"),
            recipes=tuple(counts),
            methods=(SOFTMAX, SAMPLED, ENSEMBLE),
            epochs=epochs,
            seed=seed,
            device=device,
            engine=fitting_engine(engine, device),
        )
    )
    workspace = workspace_for(out, plan, networks=networks, data_dir=data_dir)
    require_stored(plan, workspace, counts)
    contents = [
        recipe_contents(plan, workspace, recipe, LABELS[recipe], networks=count, passes=PASSES)
        for recipe, count in counts.items()
    ]
    write_lab(contents, nouns_of(plan), _made(plan), out)
    print(f"wrote {out} ({out.stat().st_size / 2**20:.1f} MiB)")


def _made(plan: Plan) -> str:
    recipe = plan.configuration.recipe(STANDARD.name)
    return (
        f"All networks are LeNet-5 with 61,706 weights, trained by uncertainty-bench "
        f"{suite_version()} on MNIST for {recipe.epochs} epochs (seed {plan.configuration.seed}). "
        f"MC-dropout drops whole channels of network 0, by the same {PASSES} masks as in the "
        "results; the other two leave dropout off. The forward pass is plain JavaScript."
    )


def command_line() -> int:
    """Run the command line and return its exit status: 2 for a user's mistake."""
    return exit_status(main)
