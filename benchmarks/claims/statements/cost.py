"""The claim that fifty models are expensive: training is timed, prediction in `latency.csv`."""

from __future__ import annotations

import time
from dataclasses import replace

import pandas as pd

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Numbers, by_parts
from benchmarks.claims.predictor import ENSEMBLE, PASSES, SAMPLED, RecipePredictor
from benchmarks.records import Quantity, where, write_table
from benchmarks.stored.listing import own_file
from benchmarks.stored.tables import read_run_table
from benchmarks.vocabulary import CLAIMS_FOLDER, LATENCY_CSV
from methods.networks.labelled_images import LabelledImages
from methods.networks.recipes import ARTICLE
from methods.networks.training import train_networks
from methods.threads import one_torch_thread

TRAINED_ON = 3_000
"""Training images of a timed epoch; its seconds are scaled to the steps of the recipe."""

REPEATS = 3

LEAST_RATIO = 10
"""From this ratio on training is called costly: an order of magnitude."""

PREDICTING = {ENSEMBLE: "ensemble", SAMPLED: f"{PASSES} passes"}
"""The methods whose predictions are timed, and what their quantities call them."""

TIMES = f"{CLAIMS_FOLDER}/training_times.csv"


def measure_cost(predictor: RecipePredictor) -> Numbers:
    """Seconds of training one network and all of them; milliseconds of predicting by both methods.

    Training times are measured once and stored beside the other files of the claims.
    """
    if predictor.recipe != ARTICLE.name:
        raise NotTestableError("what networks cost does not depend on this recipe")
    predicting = _milliseconds(predictor)
    folder = predictor.workspace.out
    if not (folder / TIMES).exists():
        write_table(_training_times(predictor), own_file(folder, TIMES))
    times = read_run_table(folder, TIMES)
    return {
        training_seconds(int(networks)): [float(seconds)]
        for networks, seconds in zip(times["networks"], times["seconds"], strict=True)
    } | predicting


def judge_cost(numbers: Numbers) -> Judgement:
    """Training all takes at least 10 times one; predicting by all takes longer than 100 passes."""
    seconds = {one.networks or 0: value for one, (value,) in numbers.items() if one.networks}
    one, many = seconds[min(seconds)], seconds[max(seconds)]
    (ensemble,), (sampled,) = (numbers[predicting_time(name)] for name in PREDICTING)
    training, predicting = many / one, ensemble / sampled
    return by_parts(
        {
            f"training takes {training:.0f} times as long (at least {LEAST_RATIO})": (
                training >= LEAST_RATIO
            ),
            f"predicting takes {predicting:.2f} times as long as {PASSES} passes (more than 1)": (
                ensemble > sampled
            ),
        }
    )


def training_seconds(networks: int) -> Quantity:
    """A quantity of `measure_cost`."""
    label = f"seconds of training, networks: {networks}"
    return Quantity(label, "training_seconds", networks=networks)


def predicting_time(method: str) -> Quantity:
    """A quantity of `measure_cost`."""
    label = f"milliseconds of predicting, {PREDICTING[method]}"
    return Quantity(label, "p50_ms", method=method)


def _milliseconds(predictor: RecipePredictor) -> dict[Quantity, list[float]]:
    """Medians of both methods by the run's engine, on one thread, at the largest batch size."""
    folder, chosen = predictor.workspace.out, predictor.plan.configuration
    if not (folder / LATENCY_CSV).exists():
        raise NotTestableError("there is no latency.csv; the stage latency writes it")
    latency = read_run_table(folder, LATENCY_CSV)
    alike = where(latency, status="ok", engine=chosen.engine, clock="wall")
    alike = alike[alike["device"].str.startswith(chosen.device)]
    medians = {}
    for method, members in ((ENSEMBLE, predictor.networks), (SAMPLED, PASSES)):
        rows = where(alike, method=method, members=str(members))
        if rows.empty:
            raise NotTestableError(f"latency.csv has no time of {method} with {members} members")
        row = rows.sort_values(["threads", "batch_size"], ascending=[True, False]).iloc[0]
        medians[predicting_time(method)] = [float(row["p50_ms"])]
    return medians


@one_torch_thread()
def _training_times(predictor: RecipePredictor) -> pd.DataFrame:
    """Seconds of a whole training by one thread or on one device: the fastest of a few epochs."""
    pool, whole = predictor.pool()
    few = LabelledImages(whole.images[:TRAINED_ON], whole.labels[:TRAINED_ON])
    epoch = replace(pool.recipe, epochs=1)
    epochs = pool.recipe.epochs * len(whole.labels) / len(few.labels)

    def seconds(networks: int) -> float:
        start = time.perf_counter()
        train_networks(epoch, range(networks), few, seed=pool.seed, engine=pool.engine)
        return time.perf_counter() - start

    return pd.DataFrame(
        {
            "recipe": predictor.recipe,
            "networks": networks,
            "seconds": round(epochs * min(seconds(networks) for _ in range(REPEATS)), 2),
        }
        for networks in (1, predictor.networks)
    )


COST = Claim(
    id="fifty-is-expensive",
    statement="Training 50 models is costly in computation and time.",
    place="the introduction of dropout as a replacement for an ensemble",
    weight="supporting",
    rule="Training 50 networks takes at least 10 times as long as training one, and predicting "
    "with 50 members takes longer than with 100 passes, by the same engine on one thread. "
    "Partly if only one of the two holds.",
    measure=measure_cost,
    judge=judge_cost,
    figure="cost",
    against="Times differ from run to run. The seconds of training are those of the fastest of "
    "three epochs on 3,000 images, scaled to the steps of a whole training.",
    least_networks=2,
)
