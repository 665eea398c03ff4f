"""The claim that fifty models are expensive: training by a stopwatch, asking by `latency.csv`."""

from __future__ import annotations

import time
from dataclasses import replace

import pandas as pd

from benchmarks.claims.answers import PASSES, Answers, pool_of
from benchmarks.claims.claim import Claim, Judgement, NotTestableError, Numbers, by_parts
from benchmarks.records import CLAIMS as FOLDER
from benchmarks.records import LATENCY, read_table, write_table
from methods.labelled_images import LabelledImages
from methods.recipes import ARTICLE
from methods.threads import one_torch_thread
from methods.training import train_networks

TRAINED_ON = 3_000
"""Training images of a timed epoch; seconds are those of as many steps as the recipe takes."""

REPEATS = 3

LEAST_RATIO = 10
"""From which on training is called costly: an order of magnitude."""

TIMES = "training_times.csv"


def measure_cost(answers: Answers) -> Numbers:
    """Seconds of training one network and all of them; milliseconds of asking, by `latency.csv`.

    Training times are measured once and kept beside the other files of the claims.
    """
    if answers.recipe != ARTICLE.name:
        raise NotTestableError("what networks cost does not depend on this recipe")
    asking = _asking(answers)
    path = answers.run.machine.out / FOLDER / TIMES
    if not path.exists():
        write_table(_training_times(answers), path)
    kept = read_table(path)
    return {
        f"seconds of training, networks: {networks}": [float(seconds)]
        for networks, seconds in zip(kept["networks"], kept["seconds"], strict=True)
    } | asking


def judge_cost(numbers: Numbers) -> Judgement:
    """Training all takes at least 10 times one; asking all takes longer than 100 passes."""
    one, many = (seconds for name, (seconds,) in numbers.items() if name.startswith("seconds"))
    asked = numbers["milliseconds of asking, ensemble"][0]
    sampled = numbers[f"milliseconds of asking, {PASSES} passes"][0]
    return by_parts(
        {
            f"training takes {many / one:.0f} times as long, at least {LEAST_RATIO}": many / one
            >= LEAST_RATIO,
            f"asking takes {asked / sampled:.2f} times as long as {PASSES} passes, more than 1": (
                asked > sampled
            ),
        }
    )


def _asking(answers: Answers) -> dict[str, list[float]]:
    """Medians of both methods by the run's engine, on one thread, at the largest batch size."""
    run = answers.run
    path = run.machine.out / LATENCY
    if not path.exists():
        raise NotTestableError("there is no latency.csv; the stage latency writes it")
    table = read_table(path)
    alike = table[
        (table["status"] == "ok")
        & (table["engine"] == run.configuration.engine)
        & table["device"].str.startswith(run.configuration.device)
        & (table["clock"] == "wall")
    ]
    found = {}
    for name, method, members in (
        ("ensemble", "deep_ensemble", answers.networks),
        (f"{PASSES} passes", "mc_dropout", PASSES),
    ):
        rows = alike[(alike["method"] == method) & (alike["members"] == str(members))]
        if rows.empty:
            raise NotTestableError(f"latency.csv has no time of {method} with {members} members")
        row = rows.sort_values(["threads", "batch_size"], ascending=[True, False]).iloc[0]
        found[f"milliseconds of asking, {name}"] = [float(row["p50_ms"])]
    return found


@one_torch_thread()
def _training_times(answers: Answers) -> pd.DataFrame:
    """Seconds of a whole training by one thread or on one device: the fastest of a few epochs."""
    pool, whole = pool_of(answers.run, answers.recipe)
    few = LabelledImages(whole.images[:TRAINED_ON], whole.labels[:TRAINED_ON])
    epoch = replace(pool.recipe, epochs=1)
    epochs = pool.recipe.epochs * len(whole.labels) / len(few.labels)

    def seconds(networks: int) -> float:
        start = time.perf_counter()
        train_networks(epoch, range(networks), few, seed=pool.seed, engine=pool.engine)
        return time.perf_counter() - start

    return pd.DataFrame(
        {
            "recipe": answers.recipe,
            "networks": networks,
            "seconds": round(epochs * min(seconds(networks) for _ in range(REPEATS)), 2),
        }
        for networks in (1, answers.networks)
    )


CLAIMS = (
    Claim(
        id="fifty-is-expensive",
        statement="Training 50 models is costly in computation and time.",
        place="where dropout is introduced as a stand-in for an ensemble",
        rule="Training 50 networks takes at least 10 times as long as one, and asking 50 members "
        "longer than 100 passes, by the same engine on one thread. Partly if one half holds.",
        measure=measure_cost,
        judge=judge_cost,
        figure="cost",
        remark="These numbers are times: another run has others. Seconds of training are those of "
        "the fastest of three epochs on 3,000 images, times the steps of a whole training.",
        least_networks=2,
    ),
)
