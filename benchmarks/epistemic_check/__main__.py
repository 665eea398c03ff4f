"""The article's count plot for any image: ``python -m benchmarks.epistemic_check --index 591``."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import joblib
import typer
from jaxtyping import Float, Int64
from matplotlib import rc_context
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from torch import Tensor

from benchmarks.claims.predictions import train
from benchmarks.command_line import (
    NETWORKS,
    DataDir,
    Device,
    EngineChoice,
    Networks,
    exit_status,
)
from benchmarks.device_choice import fitting_device
from benchmarks.epistemic_check.digit_image import read_digit
from benchmarks.errors import UserError
from benchmarks.files import writable_folder, written_whole
from benchmarks.inference.measures import UNCERTAINTIES
from benchmarks.predictions import RunUnit
from benchmarks.progress import announce
from benchmarks.report.figures.votes import count_plots
from benchmarks.report.names import Variant
from benchmarks.report.style import DPI, SETTINGS
from benchmarks.run.compilation import compile_once
from benchmarks.run.configuration import PRESETS, Configuration
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from methods import METHODS, Prediction, UncertaintyMethod
from methods.engines.choice import fitting_engine
from methods.networks.recipes import RECIPES

FORMATS = (".png", ".svg", ".pdf")

SHOWN = {
    "predictive_entropy": "predictive entropy",
    "mutual_information": "mutual information",
    "pairwise_disagreement": "disagreement",
    "variation_ratio": "variation ratio",
}


def epistemic_check(
    method: UncertaintyMethod, image: Float[Tensor, "*one 28 28"], model_number: int
) -> Int64[Tensor, " classes"]:
    """How many of so many models vote for each class of one image in [0, 1]; the article's name.

    A method with one member gives all its votes to one class, however often it is asked.

    Raises:
        ValueError: the tensor is no single image, or the method has another number of members.
    """
    if image.numel() != 28 * 28:
        raise ValueError(f"the image has the shape {list(image.shape)}; expected one of 28x28")
    prediction = method.predict(image.reshape(1, 1, 28, 28))
    if prediction.members not in (1, model_number):
        raise ValueError(
            f"{method.name} has {prediction.members or 'no countable'} members, not "
            f"{model_number}; build it with as many as are to vote"
        )
    return (prediction.vote_share[0] * model_number).round().long()


def main(
    index: Annotated[
        int | None, typer.Option(help="The number of one of MNIST's test images, from 0.")
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="A picture of a digit, of any size and colours.")
    ] = None,
    passes: Annotated[int, typer.Option(help="Of MC-dropout.")] = 100,
    members: Annotated[int, typer.Option(help="Of the deep ensemble.")] = 50,
    recipe: Annotated[str, typer.Option(help="How networks are trained.")] = "standard",
    preset: Annotated[
        Literal["quick", "full"],
        typer.Option(help="Whose networks: trained for two epochs, or as long as the recipe says."),
    ] = "quick",
    epochs: Annotated[int | None, typer.Option(help="How long networks train instead.")] = None,
    seed: Annotated[int, typer.Option(help="Of networks and masks.")] = 0,
    device: Device = "auto",
    engine: EngineChoice = "auto",
    data_dir: DataDir = None,
    networks: Networks = NETWORKS,
    out: Annotated[
        Path | None,
        typer.Option(help="The figure's file, PNG, SVG or PDF.", show_default="named by the image"),
    ] = None,
) -> None:
    """Count the votes of softmax, MC-dropout and a deep ensemble for one image, and draw them.

    Networks are those that a run of the same preset has trained, on the same device and by the
    same engine; missing ones are trained now.
    """
    if (index is None) == (image is None):
        raise UserError("name one image, either by --index 591 or by --image my_digit.png")
    _require_recipe(recipe)
    device = fitting_device(device)
    configuration = replace(
        PRESETS[preset],
        recipes=(recipe,),
        passes=(passes,),
        members=(members,),
        replicates=1,
        epochs=PRESETS[preset].epochs if epochs is None else epochs,
        seed=seed,
        device=device,
        engine=fitting_engine(engine, device),
    )
    title = f"Test image {index}" if image is None else image.name
    path = out or Path(f"epistemic-check-{index if image is None else image.stem}.png")
    _require_format(path)
    plan = Plan(configuration)
    workspace = Workspace(
        out=writable_folder("--out", path.parent),
        networks=writable_folder("--networks", networks),
        data_dir=data_dir,
        jobs=1 if device == "cuda" else joblib.cpu_count(),
    )
    if configuration.engine == "numba":
        compile_once()
    picture = _test_image(workspace, index) if image is None else read_digit(image)
    predictions = _predictions(plan, workspace, picture)
    _show(title, predictions)
    _draw(title, picture, predictions, path)


def _require_format(path: Path) -> None:
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"--out {path}: a figure is {', '.join(FORMATS)}; name one")
    if path.is_dir():
        raise UserError(f"--out {path}: this is a folder; name a file in it")


def _require_recipe(recipe: str) -> None:
    names = [name for name, known in RECIPES.items() if known.dropout]
    if recipe not in names:
        raise UserError(f"--recipe: {recipe!r} is none of {', '.join(names)}")


def _test_image(workspace: Workspace, index: int | None) -> Float[Tensor, "1 28 28"]:
    images = workspace.test_images().images
    if index is None or not 0 <= index < len(images):
        raise UserError(f"--index: {index} is no test image; they go from 0 to {len(images) - 1}")
    return images[index]


def _predictions(plan: Plan, workspace: Workspace, picture: Tensor) -> dict[Variant, Prediction]:
    units = _units(plan.configuration)
    pool, training = plan.pool(units[0].recipe, workspace.store), workspace.training_images()
    missing = pool.missing(range(max(plan.configuration.members)), training)
    if missing:
        announce("train", f"{len(missing)} networks that are not stored yet")
        train(plan, workspace, units)
    found = {}
    for unit in units:
        method = METHODS[unit.method].build(pool, unit.replicate, unit.size)
        prediction = method.fit(training.images, training.labels).predict(picture[None])
        found[Variant(unit.method, str(prediction.members))] = prediction
    return found


def _units(chosen: Configuration) -> list[RunUnit]:
    (recipe,), (passes,), (members,) = chosen.recipes, chosen.passes, chosen.members
    return [
        RunUnit(recipe, "softmax", None, 0),
        RunUnit(recipe, "mc_dropout", passes, 0),
        RunUnit(recipe, "deep_ensemble", members, 0),
    ]


def _counts(prediction: Prediction) -> list[int]:
    votes = (prediction.vote_share[0] * (prediction.members or 1)).round()
    return [int(count) for count in votes]


def _measures(prediction: Prediction) -> dict[str, float]:
    return {name: float(UNCERTAINTIES[name](prediction)[0]) for name in SHOWN}


def _show(title: str, predictions: dict[Variant, Prediction]) -> None:
    console = Console()
    heading = escape(f"{title}: votes for each class")
    votes = Table(title=heading, title_justify="left", box=SIMPLE_HEAD)
    measures = Table(title="Measures (entropies in nats)", title_justify="left", box=SIMPLE_HEAD)
    for table, headings in ((votes, map(str, range(10))), (measures, SHOWN.values())):
        table.padding = (0, 1, 0, 0)
        table.show_edge = False
        table.add_column("")
        for heading in headings:
            table.add_column(heading.replace(" ", "\n"), justify="right")
    for variant, prediction in predictions.items():
        votes.add_row(variant.label, *(str(count or "") for count in _counts(prediction)))
        found = _measures(prediction).values()
        measures.add_row(
            variant.label, *("—" if math.isnan(value) else f"{value:.3f}" for value in found)
        )
    console.print(votes)
    console.print(measures)


def _draw(title: str, picture: Tensor, predictions: dict[Variant, Prediction], path: Path) -> None:
    counts = {variant: _counts(prediction) for variant, prediction in predictions.items()}
    measures = {variant: _measures(prediction) for variant, prediction in predictions.items()}
    pixels = (picture[0] * 255).round().byte().numpy()
    with rc_context(SETTINGS), written_whole(path) as temporary:
        figure = count_plots(title, pixels, counts, measures)
        figure.savefig(temporary, format=path.suffix.lower().removeprefix("."), dpi=DPI)
    Console().print(f"wrote {path}", highlight=False, markup=False, soft_wrap=True)


def command_line() -> int:
    """Run the command line and return its exit status: 2 for a user's mistake."""
    return exit_status(main, "python -m benchmarks.epistemic_check")


if __name__ == "__main__":
    sys.exit(command_line())
