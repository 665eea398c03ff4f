"""The votes of three methods for one image: predicted, printed and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jaxtyping import Float
from matplotlib import rc_context
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.claims.predictor import RecipePredictor
from benchmarks.escaping import terminal_text
from benchmarks.files import written_whole
from benchmarks.metrics import METRICS
from benchmarks.nouns import Names, Variant
from benchmarks.progress import announce
from benchmarks.report.figures.drawing import without_formulas
from benchmarks.report.figures.votes import count_plots
from benchmarks.report.number_format import three_decimals
from benchmarks.report.style import DPI, SETTINGS
from benchmarks.run.plan import Plan
from benchmarks.run.workspace import Workspace
from methods import Prediction

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
