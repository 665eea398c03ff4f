"""The claim that fifty models are expensive: training is timed, prediction in `latency.csv`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pandas as pd

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Numbers, Part, by_parts
from benchmarks.claims.predictor import ENSEMBLE, PASSES, SAMPLED, RecipePredictor
from benchmarks.claims.run_tables import worth
from benchmarks.report.texts import listed
from benchmarks.schema import Quantity, read_table, where, write_table
from benchmarks.vocabulary import CLAIMS_FOLDER, CLEAN, LATENCY_CSV
from methods.engines.base import Engine
from methods.engines.choice import EngineName, choose_engine, has_kernels, unsupported
from methods.networks.labelled_images import LabelledImages
from methods.networks.recipes import ARTICLE
from methods.networks.training import train_networks
from methods.threads import one_torch_thread

TRAINED_ON = 3_000
"""Training images of a timed epoch; its seconds are scaled to the steps of the recipe."""

REPEATS = 3

LEAST_RATIO = 10
"""From this ratio on training is called costly: an order of magnitude."""

TIMES = f"{CLAIMS_FOLDER}/training_seconds.csv"

ENGINES = {"numba": "the kernels", "torch": "PyTorch"}
WORTH_BY = {"accuracy": "accuracy", "nll": "NLL", "brier": "the Brier score"}
BOUNDS = {"": "p50_ms", "lower": "p50_lower_ms", "upper": "p50_upper_ms"}


def measure_cost(predictor: RecipePredictor) -> Numbers:
    """Seconds of training one network and all of them, milliseconds of predicting, and the worth.

    By each engine that can compute on the run's device. Training times are measured once and
    stored beside the other files of the claims.
    """
    if predictor.recipe != ARTICLE.name:
        raise NotTestableError("What networks cost does not depend on this recipe.")
    latency = _latency(predictor)
    engines = _engines(predictor)
    timed = {name: _predicting_times(latency, name, predictor.networks) for name in engines}
    timed = {name: times for name, times in timed.items() if times}
    if not timed:
        raise NotTestableError(
            f"latency.csv has no times of {ENSEMBLE} with {predictor.networks} members and of "
            f"{SAMPLED} with {PASSES}."
        )
    folder = predictor.workspace.out
    if not (folder / TIMES).exists():
        write_table(_training_times(predictor, engines), folder, TIMES)
    times = read_table(folder, TIMES)
    training: dict[Quantity, list[float]] = {}
    for row in times.to_dict("records"):
        quantity = training_seconds(int(row["networks"]), str(row["engine"]))
        training.setdefault(quantity, []).append(float(row["seconds"]))
    predicting = {quantity: ms for times in timed.values() for quantity, ms in times.items()}
    return training | predicting | _worth(predictor, latency, next(iter(timed)))


def judge_cost(numbers: Numbers) -> Judgement:
    """By each engine: training takes 10 times as long, predicting longer than 100 passes."""
    parts: list[Part] = []
    told: list[str] = []
    for engine, name in ENGINES.items():
        seconds = {
            one.networks: values
            for one, values in numbers.items()
            if one.metric == "training_seconds" and one.engine == engine and one.networks
        }
        if seconds:
            one, many = seconds[min(seconds)], seconds[max(seconds)]
            least, usual = min(many) / max(one), min(many) / min(one)
            what = f"{name}: training {max(seconds)} networks, against one (condition 1)"
            shown = f"{usual:.0f} times as long, at least {least:.0f} times"
            parts.append(Part(what, shown, least >= LEAST_RATIO))
            told.append(
                f"By {name}, training {max(seconds)} networks takes {usual:.0f} times as long as "
                "training one."
            )
        times = {
            (one.method, one.bound): values[0]
            for one, values in numbers.items()
            if one.metric == "p50_ms" and one.engine == engine and one.networks is None
        }
        if times:
            ratio = times[ENSEMBLE, ""] / times[SAMPLED, ""]
            lower, upper = times[ENSEMBLE, "lower"], times[SAMPLED, "upper"]
            too_few = math.isnan(lower) or math.isnan(upper)
            what = f"{name}: prediction by the ensemble, against {PASSES} passes (condition 2)"
            parts.append(Part(what, f"{ratio:.2f} times", None if too_few else lower > upper))
            remark = " This is not judged, since too few calls were timed." if too_few else ""
            told.append(
                f"The ensemble predicts in {ratio:.2f} times the time of {PASSES} passes.{remark}"
            )
    return by_parts(parts, " ".join([*told, *_worth_told(numbers)]))


def training_seconds(networks: int, engine: str) -> Quantity:
    """A quantity of `measure_cost`."""
    label = f"{ENGINES[engine]}: seconds of training, networks: {networks}"
    return Quantity(label, "training_seconds", engine=engine, networks=networks)


def predicting_time(method: str, engine: str, bound: Any = "", members: str = "") -> Quantity:
    """A quantity of `measure_cost`; ``members``: of an ensemble of another size."""
    what = {ENSEMBLE: "ensemble", SAMPLED: f"{PASSES} passes"}[method]
    label = f"{ENGINES[engine]}: milliseconds of predicting, {what}"
    label += f" of {members}" if members else ""
    label += f", {bound} bound" if bound else ""
    networks = int(members) if members else None
    return Quantity(label, "p50_ms", method=method, engine=engine, bound=bound, networks=networks)


def worth_by(metric: str, bound: Any = "") -> Quantity:
    """A quantity of `measure_cost`: how many networks the passes are worth.

    ``bound``: ``lower`` where they are worth more than that, ``upper`` where they are worth less.
    """
    label = f"worth of {PASSES} passes in networks, clean images, by {WORTH_BY[metric]}"
    return Quantity(label, f"worth_{metric}", method=SAMPLED, condition=CLEAN, bound=bound)


def _engines(predictor: RecipePredictor) -> dict[str, Engine]:
    """The engines that compute the recipe on the run's device, by name."""
    chosen = predictor.plan.configuration
    recipe = chosen.recipe(predictor.recipe)
    kernels = chosen.device == "cpu" and has_kernels() and not unsupported([recipe])
    names: tuple[EngineName, ...] = ("numba", "torch") if kernels else ("torch",)
    return {name: choose_engine(name, chosen.device) for name in names}


def _latency(predictor: RecipePredictor) -> pd.DataFrame:
    """The times of whole batches on the run's device, measured by the clock on the wall."""
    folder, chosen = predictor.workspace.out, predictor.plan.configuration
    if not (folder / LATENCY_CSV).exists():
        raise NotTestableError("There is no latency.csv; the stage latency writes it.")
    latency = where(read_table(folder, LATENCY_CSV), status="ok", clock="wall")
    return latency[latency["device"].str.startswith(chosen.device)]


def _predicting_times(latency: pd.DataFrame, engine: str, networks: int) -> Numbers:
    """Times of the ensemble and of the passes; none if one of the two was not timed."""
    ensemble = _milliseconds(latency, engine, ENSEMBLE, networks)
    sampled = _milliseconds(latency, engine, SAMPLED, PASSES)
    return {**ensemble, **sampled} if ensemble and sampled else {}


def _milliseconds(
    latency: pd.DataFrame, engine: str, method: str, members: int, *, other_size: bool = False
) -> dict[Quantity, list[float]]:
    """Median and its bounds, on one thread, at the largest batch size; none if it was not timed."""
    rows = where(latency, engine=engine, method=method, members=str(members))
    if rows.empty:
        return {}
    row = rows.sort_values(["threads", "batch_size"], ascending=[True, False]).iloc[0]
    size = str(members) if other_size else ""
    return {
        predicting_time(method, engine, bound, size): [float(row[column])]
        for bound, column in BOUNDS.items()
    }


def _worth(
    predictor: RecipePredictor, latency: pd.DataFrame, engine: str
) -> dict[Quantity, list[float]]:
    """The worth of the passes by each measure, and the time of the smallest ensemble as good."""
    numbers: dict[Quantity, list[float]] = {}
    for metric in WORTH_BY:
        text = worth(predictor, (SAMPLED, PASSES), CLEAN, metric)
        if text and text != "nan":
            bound = {"<": "upper", ">": "lower"}.get(text[0], "")
            numbers[worth_by(metric, bound)] = [float(text.strip("<>"))]
    if numbers and not any(one.bound == "lower" for one in numbers):
        most = max(value for (value,) in numbers.values())
        timed = where(latency, engine=engine, method=ENSEMBLE)["members"].astype(int)
        as_good = [size for size in sorted(set(timed)) if size >= most]
        for size in as_good[:1]:
            numbers |= _milliseconds(latency, engine, ENSEMBLE, size, other_size=True)
    return numbers


def _worth_told(numbers: Numbers) -> Iterator[str]:
    known = {one: values[0] for one, values in numbers.items() if one.metric.startswith("worth_")}
    if not known:
        yield (
            "How many networks the passes are worth is not known: the run has no ensembles of "
            "several sizes of this recipe."
        )
        return
    measures = listed([WORTH_BY[one.metric.removeprefix("worth_")] for one in known])
    # Without an upper end the worth may be larger than any other.
    best = max(known, key=lambda one: (one.bound == "lower", known[one]))
    limit = {"": "at most", "upper": "fewer than", "lower": "more than"}[best.bound]
    worth_most = f"{known[best]:.2g} network{'' if known[best] == 1 else 's'}"
    yield f"By {measures}, {PASSES} passes match {limit} {worth_most} on clean images."
    for one, values in numbers.items():
        if one.metric == "p50_ms" and one.networks and not one.bound:
            passes = numbers[predicting_time(SAMPLED, one.engine)][0]
            yield (
                f"The smallest timed ensemble of at least that size has {one.networks}. It needs "
                f"{values[0] / passes:.2f} times the prediction time of {PASSES} passes, but "
                f"{one.networks} trainings."
            )


@one_torch_thread()
def _training_times(predictor: RecipePredictor, engines: dict[str, Engine]) -> pd.DataFrame:
    """Seconds of a whole training by one thread or on one device, from a few timed epochs."""
    pool, whole = predictor.pool()
    few = LabelledImages(whole.images[:TRAINED_ON], whole.labels[:TRAINED_ON])
    epoch = replace(pool.recipe, epochs=1)
    epochs = pool.recipe.epochs * len(whole.labels) / len(few.labels)

    def seconds(networks: int, engine: Engine) -> float:
        start = time.perf_counter()
        train_networks(epoch, range(networks), few, seed=pool.seed, engine=engine)
        return time.perf_counter() - start

    return pd.DataFrame(
        {
            "recipe": predictor.recipe,
            "engine": name,
            "networks": networks,
            "seconds": round(epochs * seconds(networks, engine), 2),
        }
        for (name, engine), networks, _ in product(
            engines.items(), (1, predictor.networks), range(REPEATS)
        )
    )


COST = Claim(
    id="fifty-is-expensive",
    statement="Training 50 models is costly in computation and time.",
    place="introduction of dropout as a replacement for an ensemble",
    weight="check",
    rule="We time each engine on one thread. Condition 1: training 50 networks takes at least 10 "
    "times as long as training one. We compare the fastest of three timings for 50 networks with "
    "the slowest of three for one. Condition 2: the ensemble of 50 predicts more slowly than 100 "
    "passes; the 95 % intervals of the medians do not overlap. Reproduced: both conditions hold by "
    "each engine. Partly reproduced: some hold. A condition without an interval is not judged.",
    measure=measure_cost,
    judge=judge_cost,
    figure="cost",
    against="Fifty is the article's number. A much smaller ensemble may be as good as MC-dropout, "
    "and predict faster. Times differ from run to run. Training is timed by epochs on 3,000 images "
    "and scaled.",
    least_networks=2,
)
