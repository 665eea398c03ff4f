"""The article's count plot for any image: ``python -m benchmarks.epistemic_check --index 591``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from jaxtyping import Float
from matplotlib import rc_context
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.claims.predictor import RecipePredictor
from benchmarks.command_line import (
    NETWORKS,
    DataDir,
    Device,
    EngineChoice,
    Networks,
    exit_status,
    fitting_device,
    fitting_jobs,
)
from benchmarks.epistemic_check.digit_image import read_digit
from benchmarks.errors import UserError
from benchmarks.escaping import terminal_text
from benchmarks.files import existing_folder, writable_folder, written_whole
from benchmarks.metrics import METRICS
from benchmarks.nouns import Names, Variant
from benchmarks.progress import announce
from benchmarks.report.figures.drawing import without_formulas
from benchmarks.report.figures.votes import count_plots
from benchmarks.report.number_format import three_decimals
from benchmarks.report.style import DPI, SETTINGS
from benchmarks.run.compilation import compile_once
from benchmarks.run.configuration import configuration_of
from benchmarks.run.nouns import nouns_of
from benchmarks.run.plan import Plan
from benchmarks.run.presets import PresetName
from benchmarks.run.workspace import Workspace
from benchmarks.tasks.mnist import MNIST
from methods import Prediction
from methods.engines.choice import fitting_engine
from methods.networks.recipes import RECIPES

FORMATS = (".png", ".svg", ".pdf")


def main(
    file: Annotated[
        Path | None, typer.Argument(help="Image file of a digit; the same as --image.")
    ] = None,
    index: Annotated[int | None, typer.Option(help="Index of an MNIST test image, from 0.")] = None,
    image: Annotated[
        Path | None, typer.Option(help="Image file of a digit, of any size and colours.")
    ] = None,
    passes: Annotated[int, typer.Option(help="Passes of MC-dropout.")] = 100,
    members: Annotated[int, typer.Option(help="Members of the deep ensemble.")] = 50,
    recipe: Annotated[str, typer.Option(help="Training recipe of the networks.")] = "standard",
    preset: Annotated[
        PresetName,
        typer.Option(help="Training for two epochs, or for the recipe's number of epochs."),
    ] = "quick",
    epochs: Annotated[
        int | None, typer.Option(help="Epochs of training, instead of the preset's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of networks and masks.")] = 0,
    device: Device = "auto",
    engine: EngineChoice = "auto",
    data_dir: DataDir = None,
    networks: Networks = NETWORKS,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File of the figure: PNG, SVG or PDF.", show_default="named by the image"
        ),
    ] = None,
) -> None:
    """Count the votes of softmax, MC-dropout and a deep ensemble for one image, and draw them.

    It uses the networks that a run of the same preset has trained, on the same device and by the
    same engine, and trains missing ones.
    """
    if [index, image, file].count(None) != 2:
        raise UserError("name one image: either --index 591 or --image my_digit.png")
    image = image or file
    _require_recipe(recipe)
    device = fitting_device(device)
    of_preset = configuration_of(preset)
    configuration = replace(
        of_preset,
        recipes=(recipe,),
        passes=(passes,),
        members=(members,),
        replicates=1,
        epochs=of_preset.epochs if epochs is None else epochs,
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
        networks=existing_folder("--networks", networks),
        data_dir=data_dir,
        jobs=fitting_jobs(device),
    )
    digit = _test_image(workspace, index) if image is None else read_digit(image)
    if configuration.engine == "numba":
        compile_once()
    predictions = predict(plan, workspace, digit)
    names = nouns_of(plan)
    show(title, names, predictions)
    draw(title, names, digit, predictions, path)


def _require_format(path: Path) -> None:
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"--out {path}: expected a file name that ends in {', '.join(FORMATS)}")
    if path.is_dir():
        raise UserError(f"--out {path}: this is a folder; name a file in it")


def _require_recipe(recipe: str) -> None:
    names = [name for name, known in RECIPES.items() if known.dropout]
    if recipe not in names:
        raise UserError(
            f"--recipe: {recipe!r} has no dropout or is unknown; choose from {', '.join(names)}"
        )


def _test_image(workspace: Workspace, index: int | None) -> Float[Tensor, "1 28 28"]:
    images = workspace.images(MNIST, "test").images
    if index is None or not 0 <= index < len(images):
        raise UserError(f"--index: {index} is not a test image; expected 0 to {len(images) - 1}")
    return images[index]


def command_line() -> int:
    """Run the command line and return its exit status: 2 for a user's mistake."""
    return exit_status(main, "python -m benchmarks.epistemic_check")


SHOWN = {
    "predictive_entropy": "predictive entropy",
    "mutual_information": "mutual information",
    "pairwise_disagreement": "disagreement",
    "variation_ratio": "variation ratio",
}

Predictions = Mapping[Variant, Prediction]
"""By method and size, for one image."""


def predict(plan: Plan, workspace: Workspace, image: Float[Tensor, "1 28 28"]) -> Predictions:
    """The predictions of softmax, MC-dropout and a deep ensemble; trains what is not stored yet."""
    chosen = plan.configuration
    (recipe,), (passes,), (members,) = chosen.recipes, chosen.passes, chosen.members
    predictor = RecipePredictor(plan, workspace, recipe, networks=members)
    units = (predictor.softmax(0), predictor.mc_dropout(0, passes), predictor.ensemble)
    pool, training = predictor.pool()
    if missing := pool.missing(range(members), training):
        announce("train", f"{len(missing)} networks that are not stored yet")
        predictor.train(units)
    predictions = {}
    for unit in units:
        method = predictor.method(unit).fit(training.images, training.labels)
        prediction = method.predict(image[None])
        predictions[Variant(unit.method, str(prediction.members))] = prediction
    return predictions


def show(title: str, names: Names, predictions: Predictions) -> None:
    """Print the votes for each class, and the uncertainty measures."""
    console = Console()
    above = terminal_text(f"{title}: votes for each class", style="italic")
    votes = Table(title=above, title_justify="left", box=SIMPLE_HEAD)
    measures = Table(title="Measures (entropies in nats)", title_justify="left", box=SIMPLE_HEAD)
    for table, headings in ((votes, map(str, range(10))), (measures, SHOWN.values())):
        table.padding = (0, 1, 0, 0)
        table.show_edge = False
        table.add_column("")
        for heading in headings:
            table.add_column(heading.replace(" ", "\n"), justify="right")
    for variant, prediction in predictions.items():
        name = terminal_text(names.label(variant))
        votes.add_row(name, *(str(count or "") for count in _counts(prediction)))
        measures.add_row(name, *map(three_decimals, _measures(prediction).values()))
    console.print(votes)
    console.print(measures)


def draw(
    title: str,
    names: Names,
    image: Float[Tensor, "1 28 28"],
    predictions: Predictions,
    path: Path,
) -> None:
    """Draw the image and the votes to a file, in the format of its ending."""
    counts = {variant: _counts(prediction) for variant, prediction in predictions.items()}
    measures = {variant: _measures(prediction) for variant, prediction in predictions.items()}
    pixels = (image[0] * 255).round().byte().numpy()
    with rc_context(SETTINGS), written_whole(path) as temporary:
        figure = count_plots(title, names, pixels, counts, measures)
        without_formulas(figure)
        figure.savefig(temporary, format=path.suffix.lower().removeprefix("."), dpi=DPI)
    print(f"wrote {path}")


def _counts(prediction: Prediction) -> list[int]:
    votes = (prediction.vote_share[0] * (prediction.members or 1)).round()
    return [int(count) for count in votes]


def _measures(prediction: Prediction) -> dict[str, float]:
    return {name: float(METRICS[name].function(prediction)[0]) for name in SHOWN}
