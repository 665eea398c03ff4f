"""The claim that fifty models are expensive: training is timed, prediction in `latency.csv`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pandas as pd

from benchmarks.claims.claim import Claim, Judgement, NotTestableError, RulePart, by_parts
from benchmarks.claims.numbers import NO_INTERVAL, ValueRange, interval, rows, values
from benchmarks.claims.predictor import ENSEMBLE, PASSES, SAMPLED, Predictor
from benchmarks.schema import read_table, where, write_table
from benchmarks.vocabulary import CLAIMS_FOLDER, LATENCY_CSV
from methods.determinism import one_torch_thread
from methods.engines import EngineName, choose_engine, has_kernels, unsupported
from methods.networks.recipes import LabelledImages
from methods.networks.training import train_networks

TRAINED_ON = 1_000
"""Training images of a timed epoch; its seconds are scaled to the steps of the recipe."""

REPEATS = 3

LEAST_RATIO = 10
"""From this ratio on training is called costly: an order of magnitude."""

TIMES = f"{CLAIMS_FOLDER}/training_seconds.csv"

ENGINES: dict[EngineName, str] = {"numba": "the kernels", "torch": "PyTorch"}
ALONE, ALL = "one network", "all networks"


def measure_cost(predictor: Predictor) -> Iterator[pd.DataFrame]:
    """Seconds of training one network and all of them, and milliseconds of predicting.

    By each engine that can compute on the run's device. Training times are measured once and
    stored beside the other files of the claims.
    """
    folder, configuration = predictor.workspace.out, predictor.plan.configuration
    if not (folder / LATENCY_CSV).exists():
        raise NotTestableError("There is no latency.csv; the stage latency writes it.")
    # Of whole batches on the run's device.
    latency = where(read_table(folder, LATENCY_CSV), status="ok", score="")
    latency = latency[latency["device"].str.startswith(configuration.device)]
    kernels = (
        configuration.device == "cpu" and has_kernels() and not unsupported([predictor.plan.recipe])
    )
    engines = [engine for engine in ENGINES if kernels or engine == "torch"]
    predicting = {
        engine: {
            ENSEMBLE: _milliseconds(latency, engine, ENSEMBLE, predictor.networks),
            SAMPLED: _milliseconds(latency, engine, SAMPLED, PASSES),
        }
        for engine in engines
    }
    timed = [engine for engine, times in predicting.items() if None not in times.values()]
    if not timed:
        raise NotTestableError(
            f"latency.csv has no times of {ENSEMBLE} with {predictor.networks} members and of "
            f"{SAMPLED} with {PASSES}."
        )
    if not (folder / TIMES).exists():
        write_table(_training_times(predictor, engines), folder, TIMES)
    yield rows("networks", float(predictor.networks), case=ALL)
    by_training = read_table(folder, TIMES).groupby(["engine", "networks"], sort=False)
    for (name, networks), training in by_training:
        case = f"{name}, {ALONE if networks == 1 else ALL}"
        yield rows("training_seconds", training["seconds"], case=case)
    for engine in timed:
        for method, times in predicting[engine].items():
            yield rows("p50_ms", times or NO_INTERVAL, method=method, case=engine)


def _milliseconds(
    latency: pd.DataFrame, engine: str, method: str, members: int
) -> ValueRange | None:
    """Median and its bounds, on one thread, at the largest batch size, if it was timed."""
    timed = where(latency, engine=engine, method=method, members=str(members))
    if timed.empty:
        return None
    row = timed.sort_values(["threads", "batch_size"], ascending=[True, False]).iloc[0]
    return ValueRange(*row[["p50_ms", "p50_lower_ms", "p50_upper_ms"]].astype(float))


@one_torch_thread()
def _training_times(predictor: Predictor, engines: list[EngineName]) -> pd.DataFrame:
    """Seconds of a whole training by one thread or on one device, from a few timed epochs."""
    pool, whole = predictor.pool()
    few = LabelledImages(whole.images[:TRAINED_ON], whole.labels[:TRAINED_ON])
    epoch = replace(pool.recipe, epochs=1)
    epochs = pool.recipe.epochs * len(whole.labels) / len(few.labels)

    def seconds(networks: int, engine: EngineName) -> float:
        chosen = choose_engine(engine, predictor.plan.configuration.device)
        start = time.perf_counter()
        train_networks(epoch, range(networks), few, seed=pool.seed, engine=chosen)
        return time.perf_counter() - start

    return pd.DataFrame(
        {
            "engine": engine,
            "networks": networks,
            "seconds": round(epochs * seconds(networks, engine), 2),
        }
        for engine, networks, _ in product(engines, (1, predictor.networks), range(REPEATS))
    )


def judge_cost(table: pd.DataFrame) -> Judgement:
    """By each engine: training takes 10 times as long, predicting longer than 100 passes."""
    (networks,) = values(table, "networks", case=ALL)
    parts: list[RulePart] = []
    for engine, name in ENGINES.items():
        alone, together = (
            values(table, "training_seconds", case=f"{engine}, {case}") for case in (ALONE, ALL)
        )
        if len(together):
            least, usual = together.min() / alone.max(), together.min() / alone.min()
            what = f"{name}: training {networks:.0f} networks, against one (condition 1)"
            shown = f"{usual:.0f} times as long, at least {least:.0f} times"
            parts.append(RulePart(what, shown, bool(least >= LEAST_RATIO)))
        if len(values(table, "p50_ms", method=ENSEMBLE, case=engine)):
            ensemble, sampled = (
                interval(table, "p50_ms", method=method, case=engine)
                for method in (ENSEMBLE, SAMPLED)
            )
            what = f"{name}: prediction by the ensemble, against {PASSES} passes (condition 2)"
            too_few = math.isnan(ensemble.lower) or math.isnan(sampled.upper)
            slower = None if too_few else ensemble.lower > sampled.upper
            parts.append(RulePart(what, f"{ensemble.value / sampled.value:.2f} times", slower))
    judged = [part.holds for part in parts if part.holds is not None]
    why = f"{sum(judged)} of {len(judged)} conditions that could be judged hold."
    return by_parts(parts, why)


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
    "and predict faster: answer.csv has how many networks MC-dropout is worth. Times differ from "
    "run to run. Training is timed by epochs on 1,000 images and scaled.",
    least_networks=2,
)
