"""How often the rule is wrong, of contestants whose true values are known.

``python -m tests.benchmarks.simulate_rule [TABLE OR SCENARIO ...] [--draws 2000]`` prints tables in
Markdown, in about an hour on one core; docs/statistics.md has them.

*The best, and one network.* On replicate r, contestant k has the value

    θ_k + σ_k (√ρ b_r + √(1 − ρ) a_kr) + mean_n ψ_krn,    ψ_krn = 3 c_n + m_kn + e_krn,

with b and a standard normal, and c, m, e of images alike, normal or skewed. All θ are equal, which
is the least favourable case: any contestant then is the best. How often it is in its set is counted
by kind (near copies, ensembles, by how much they vary); the table has the lowest. Dunnett's error
does not depend on θ. Sizes of sets are of evenly spread θ.

*Worth.* Networks are drawn from a model that is fitted to real ones. A method whose replicate r is
the mean of network r and k − 1 networks of its own is worth k.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, softmax

from benchmarks.headline import HEADLINE
from benchmarks.inference.best import judge
from benchmarks.inference.evidence import Drawn, Entry, HeadlineEvidence, MeasuredUnit, evidence_of
from benchmarks.inference.worth import MORE, Worth, worth_of
from benchmarks.nouns import Contestant
from tests.inference.per_image_model import CLEAN, IMAGES, ROTATED, model
from tests.measuring import known_of

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

REDRAWS = 2000
"""Of the rule, for speed; a run has more."""

SPREAD = 10.0
"""How far the worst is behind the best, in standard errors of a difference, where means differ."""

SIZED = 10
"""Of so many draws, the sizes of sets are counted in one."""


class Scenario(NamedTuple):
    """What contestants are like.

    Attributes:
        by_images: the standard error by images, in that by replicates.
        log_sd: how unequally they vary over replicates: the standard deviation of log σ.
        skewed: whether few images decide (a gamma distribution of shape 0.1).
        writers: by how many the images are; 0: each is drawn for itself.
        copies: how many contestants differ from the first ten times less than from the others.
        ensembles: whether the second half are ensembles of five networks, of their own.
        common: ρ.
    """

    contestants: int = 20
    replicates: int = 5
    images: int = 2500
    by_images: float = 0.3
    log_sd: float = 0.0
    skewed: bool = False
    writers: int = 0
    copies: int = 0
    ensembles: bool = False
    common: float = 0.5

    @property
    def single(self) -> int:
        """How many are of one network."""
        return self.contestants // 2 if self.ensembles else self.contestants

    @property
    def spreads(self) -> Floats:
        """The σ of each contestant; the first has a middling one."""
        quantiles = (np.arange(self.contestants) + 0.5) / self.contestants
        order = np.argsort(np.abs(quantiles - 0.5), kind="stable")
        spreads: Floats = np.exp(self.log_sd * ndtri(quantiles[order]))
        spreads[self.single :] /= np.sqrt(5)
        return spreads

    @property
    def kinds(self) -> NDArray[np.int64]:
        """Of each contestant, a number of its kind."""
        position = np.arange(self.contestants)
        by_spread = np.digitize(self.spreads, [0.5, 2.0]) if self.log_sd else 0 * position
        other = position > self.copies if self.copies else position >= self.single
        return by_spread + 3 * other


SCENARIOS = {
    "equal variances": Scenario(),
    "images decide": Scenario(by_images=3.0),
    "both alike": Scenario(images=10_000, by_images=1.0),
    "replicates decide": Scenario(by_images=0.01),
    "30 contestants": Scenario(30),
    "unequal variances": Scenario(log_sd=1.0),
    "unequal, 10 replicates": Scenario(30, 10, 10_000, log_sd=1.0),
    "skewed": Scenario(by_images=1.0, skewed=True),
    "skewed, unequal": Scenario(20, 10, by_images=1.0, log_sd=1.0, skewed=True),
    "297 writers": Scenario(images=10_000, by_images=3.0, writers=297),
    "8 near copies": Scenario(by_images=0.01, copies=8),
    "ensembles": Scenario(ensembles=True),
    "ensembles, unequal": Scenario(30, 10, log_sd=1.0, ensembles=True),
}


def drawn(scenario: Scenario, random: np.random.Generator) -> HeadlineEvidence:
    """The evidence of contestants whose true values are all 0."""
    count, replicates, images = scenario[:3]
    groups = np.arange(images) % (scenario.writers or images)
    single = np.arange(count) < scenario.single
    effects = _of_images(scenario, groups, random)
    rows = effects(count, replicates, images)
    rows[~single] /= np.sqrt(np.float32(5))
    rows += 3 * effects(images) + effects(count, 1, images)
    rows *= np.float32(scenario.by_images * np.sqrt(images / replicates))
    common = random.standard_normal((2, replicates))[np.where(single, 0, 1)]
    own = random.standard_normal((count, replicates))
    varied = np.sqrt(scenario.common) * common + np.sqrt(1 - scenario.common) * own
    values = scenario.spreads[:, None] * varied + rows.mean(axis=2)
    for copy in range(1, scenario.copies + 1):
        values[copy], rows[copy] = values[0] + values[copy] / 10, rows[0] + rows[copy] / 10
    rows = (rows - rows.mean(axis=2, keepdims=True)) / np.float32(images)
    kept = {}
    for k in range(count):
        entry = Entry(Contestant(f"{k:02}", "1", 1.0), 1 if single[k] else 5)
        pairs = enumerate(zip(values[k], rows[k], strict=True))
        kept[entry] = {r: MeasuredUnit(float(v), row, groups) for r, (v, row) in pairs}
    return evidence_of(HEADLINE[0], CLEAN, Drawn(images, scenario.writers or images), kept)


def _of_images(
    scenario: Scenario, groups: NDArray[np.int64], random: np.random.Generator
) -> Callable[..., Singles]:
    """Draws effects of images, of variance 1; of a writer's, of correlation 0.02."""

    def effects(*shape: int) -> Singles:
        if scenario.skewed:
            skewed: Singles = random.standard_gamma(0.1, shape, np.float32)
            skewed -= np.float32(0.1)
            skewed /= np.sqrt(np.float32(0.1))
            return skewed
        own: Singles = random.standard_normal(shape, np.float32)
        if scenario.writers:
            writers = random.standard_normal((*shape[:-1], scenario.writers), np.float32)
            own *= np.sqrt(np.float32(0.98))
            own += np.sqrt(np.float32(0.02)) * writers[..., groups]
        return own

    return effects


class Counts(NamedTuple):
    """Of one draw.

    Attributes:
        best: of each contestant, whether it is in the set, where all are the best.
        missed: whether some difference to the first is not in its interval.
        size: of the set, where means are spread; NaN in most draws.
    """

    best: NDArray[np.bool_]
    missed: bool
    size: float = np.nan


def repeated(scenario: Scenario, seed: int, redraws: int = REDRAWS) -> Counts:
    """Draw contestants, and apply the rule."""
    evidence = drawn(scenario, np.random.default_rng([1, seed]))
    judgement = judge(evidence, 0, redraws, seed)
    widths, apart = judgement.half_widths[1:], (evidence.means - evidence.means[0])[1:]
    counts = Counts(judgement.best, bool((np.abs(apart) > widths).any()))
    if seed % SIZED:
        return counts
    error = np.sqrt(2 * (1 - scenario.common + scenario.by_images**2) / scenario.replicates)
    behind = np.linspace(0, SPREAD * error, scenario.contestants)
    spread = replace(evidence, values=evidence.values - behind[:, None])
    return counts._replace(size=float(judge(spread, 0, redraws, seed).best.sum()))


POOL, SIZES, WORTHS = 50, (1, 2, 5, 10, 20, 50), (3, 10)


def worths(condition: str, replicates: int, seed: int) -> list[Worth]:
    """Draw networks and images, and find the worth by NLL of a method of each of `WORTHS`."""
    random = np.random.default_rng([2, seed])
    images = random.integers(IMAGES, size=2500)
    labels = model().labels[images]

    def networks(count: int) -> Singles:
        return np.asarray(softmax(model().logits(random, count, condition)[0], axis=-1))

    def losses(probabilities: NDArray[np.floating]) -> Floats:
        own: Floats = -np.log(probabilities[:, images, labels].astype(np.float64))
        return own

    pool, known = networks(POOL), {}
    for size in SIZES:
        whole = pool[: POOL // size * size].reshape(-1, size, *pool.shape[1:]).mean(axis=1)
        known[Contestant("ensemble", str(size), size)] = losses(whole)
    for worth in WORTHS:
        total = sum((networks(replicates) for _ in range(worth - 1)), pool[:replicates])
        known[Contestant("method", str(worth), 1.0)] = losses(total / worth)
    evidence = known_of(known)
    at = {each[:2]: k for k, each in enumerate(evidence.contestants)}
    ladder = {size: at["ensemble", str(size)] for size in SIZES}
    return [worth_of(evidence, at["method", str(worth)], ladder) for worth in WORTHS]


def print_best(names: Sequence[str], draws: int) -> None:
    """Of each scenario, how often the rule is wrong, and how many it leaves."""
    _print_row(
        *("", "contestants, replicates, images", "draws"),
        *("best in its set", "Dunnett's error", "size of the set"),
    )
    for name in names:
        scenario = SCENARIOS[name]
        every = [repeated(scenario, seed) for seed in range(draws)]
        best = np.mean([each.best for each in every], axis=0)
        least = min(best[scenario.kinds == kind].mean() for kind in scenario.kinds)
        missed = np.mean([each.missed for each in every])
        size = np.nanmean([each.size for each in every])
        shape = ", ".join(f"{number:,}" for number in scenario[:3])
        _print_row(name, shape, draws, f"{least:.3f}", f"{missed:.3f}", f"{size:.1f}")


def print_worth(draws: int) -> None:
    """How often the interval of worth holds it."""
    _print_row("networks", "replicates", "draws", *(f"worth {worth}" for worth in WORTHS))
    for condition in (CLEAN, ROTATED):
        for replicates in (5, 10, POOL):
            every = [worths(condition, replicates, seed) for seed in range(draws)]
            defined = [own for own in every if not np.isnan([each.networks for each in own]).any()]
            cells = []
            for worth, own in zip(WORTHS, zip(*defined, strict=True), strict=True):
                held = np.mean([each.lower <= worth <= each.upper for each in own])
                ends = np.median([[each.lower, each.upper] for each in own], axis=0)
                most = np.mean([each.upper == MORE for each in own])
                cells.append(f"{held:.3f} ({ends[0]:.1f} to {ends[1]:.1f}; {most:.0%} open)")
            _print_row(condition, replicates, len(defined), *cells)


def print_precision(seeds: int = 16) -> None:
    """How much a half-width varies with the seed of the redraws, in a run."""
    for name, scenario in SCENARIOS.items():
        squares = []
        for random in map(np.random.default_rng, (3, 4, 5)):
            evidence = drawn(scenario, random)
            widths = [judge(evidence, 0, seed=seed).half_widths[1] for seed in range(seeds)]
            squares.append(np.var(widths, ddof=1) / np.mean(widths) ** 2)
        _print_row(name, f"{np.sqrt(np.mean(squares)):.2%}")


def _print_row(*cells: object) -> None:
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def main() -> None:
    """Print what is asked for; everything, if nothing is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*SCENARIOS, "worth", "precision"])
    parser.add_argument("--draws", type=int, default=2000)
    chosen = parser.parse_args()
    if scenarios := [name for name in chosen.names if name in SCENARIOS]:
        print_best(scenarios, chosen.draws)
    if "worth" in chosen.names:
        print_worth(chosen.draws)
    if "precision" in chosen.names:
        print_precision()


if __name__ == "__main__":
    main()
