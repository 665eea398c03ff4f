"""The cells of tables that show least of most: leaderboards, ranks, the best of each kind."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from statistics import fmean

from benchmarks.nouns import Variant
from benchmarks.questions import FEW
from benchmarks.report.answer.decision import (
    Standing,
    answered,
    is_network_alone,
    label,
    network_alone,
    single_image,
)
from benchmarks.report.answer.worth import typical_worth
from benchmarks.report.editorial import (
    DETECTION,
    ENSEMBLE,
    PROBABLE,
    RANKED_BY,
    RIGHT,
    SAMPLED,
    SELECTION,
)
from benchmarks.report.number_format import two_digits
from benchmarks.report.results import Candidate, Quantity, Results
from benchmarks.report.tables.pivot import (
    INTERVAL,
    NOT_MEASURED,
    Pivot,
    Place,
    compared_cells,
    place_of,
    value_cell,
)
from benchmarks.report.tables.table import Cell
from benchmarks.report.timings import main_setup
from benchmarks.vocabulary import CLEAN, WORSE

MOST_ROWS = 12
"""Of a leaderboard."""

OF_LOGITS, OF_FEATURES = "score of logits", "score of features"
"""The kinds of scores that are computed from networks, not from probabilities."""

OTHER = "other"
"""Of methods that name no group, such as a user's own."""


def headline(results: Results) -> tuple[Quantity, ...]:
    """What a short table has of each method; of shifts the last: corruptions, if there are any."""
    shifts = results.headline_shifts[-1:]
    return (
        Quantity(CLEAN, RIGHT),
        *(Quantity(name, PROBABLE) for name in (CLEAN, *shifts)),
        *(Quantity(condition, SELECTION) for condition in shifts),
        *(Quantity(condition, DETECTION) for condition in results.ood[:1]),
    )


def leaderboard(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The methods of each budget; see `entrants`."""
    for ranked in results.blocks(entrants(results)).values():
        alone = network_alone(results, ranked) or network_alone(results)
        board = {q: compared_cells(results, ranked, q) for q in headline(results)}
        for variant in ranked:
            candidate = results.candidate(variant)
            cells = {
                "Worth ↑": _worth(results, candidate),
                **{
                    _heading(results, quantity): _beside(
                        results, alone, candidate, quantity, by[variant]
                    )
                    for quantity, by in board.items()
                },
                **_costs(results, candidate, Cell(reason=NOT_MEASURED)),
            }
            for heading, cell in cells.items():
                yield {**place_of(results, variant), "Measure": (heading, heading)}, cell


def entrants(results: Results) -> tuple[Variant, ...]:
    """Of each budget the methods at their largest size, and ensembles of a few networks.

    They are at most `MOST_ROWS`, and all of a user's own. The one that is worth most comes first,
    then the best by `RANKED_BY`. The network alone, MC-dropout, ensembles and the best by each
    measure of the headline are always among them. A method of a few images alone is not.
    """
    return tuple(
        chain(*(_entrants(results, own) for own in results.blocks(results.compared).values()))
    )


def _entrants(results: Results, variants: Sequence[Variant]) -> Iterator[Variant]:
    """Those of a budget."""
    names, quantities = results.names, headline(results)
    last = {(v.method, v.budget): v for v in variants}
    known = {
        variant: {q: row["value"] for q in quantities if (row := results.find(variant, q))}
        for variant in variants
        if (
            variant in results.largest
            or variant.members == str(FEW)
            or (variant.budget in results.budgets and variant.members != "1")
            if names.method(variant.method).counts_networks
            else variant == last[variant.method, variant.budget]
        )
    }
    known = {variant: values for variant, values in known.items() if values}

    def rank(variant: Variant) -> tuple[float, float]:
        worth = _worth(results, results.candidate(variant))
        ranked_by = known[variant].get(Quantity(*RANKED_BY), math.inf)
        return math.inf if math.isnan(worth.value) else -worth.value, ranked_by

    ranked = sorted(known, key=rank)
    always = {
        variant
        for variant in ranked
        if variant.method in (SAMPLED, ENSEMBLE)
        or is_network_alone(results, results.candidate(variant))
    }
    for quantity in quantities:
        sign = -1 if names.metric(quantity.metric).better == "higher" else 1
        values = {v: sign * known[v][quantity] for v in ranked if quantity in known[v]}
        always |= {min(values, key=values.__getitem__)} if values else set()
    own = {variant for variant in ranked if names.method(variant.method).is_users_own}
    always -= own
    others = [variant for variant in ranked if variant not in always | own]
    shown = always.union(own, others[: MOST_ROWS - len(always)])
    return (variant for variant in ranked if variant in shown)


def _beside(
    results: Results, alone: Candidate | None, choice: Candidate, quantity: Quantity, cell: Cell
) -> Cell:
    """A cell that says whether the method is worse than the network alone."""
    tested = results.comparison(choice, alone, quantity) if alone else None
    return cell._replace(is_worse_than_alone=tested is not None and tested.verdict in WORSE)


def leaderboard_notes(results: Results, _: Pivot) -> Iterator[str]:
    """How to read the leaderboard."""
    by = _heading(results, Quantity(*RANKED_BY)).replace("\n", ", ")
    own = any(results.names.method(v.method).is_users_own for v in entrants(results))
    each_budget = " of each budget" if len(results.budgets) > 1 else ""
    most = f"At most {MOST_ROWS} methods{each_budget}{' beside your own' if own else ''}"
    if results.worth.empty:
        yield f"{most}, ranked by {by}. {INTERVAL}"
    else:
        yield (
            f"{most}, ranked by worth: the networks of an ensemble that does as well, by the "
            "median of the measures that decide; in brackets the medians of its 95 % limits. "
            f"{INTERVAL}"
        )
    setup = main_setup(results.latency)
    time = f" ms: the median time of one image on {setup.label}." if setup else ""
    if results.recipe:
        yield f"Networks: the training that a method takes.{time}"
    counts = {
        results.replicates(variant)
        for variant in entrants(results)
        if not results.names.method(variant.method).counts_networks
    }
    if results.recipe and counts == {1}:
        yield "Values are of one network, or ensemble, each; ± leaves out how these differ."
    if len(counts) > 1:
        yield (
            f"Values of methods of one network are means of {min(counts)} to {max(counts)} "
            "networks; marks compare two methods on the networks of both, as ± cannot."
        )


def ranks(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """By each measure of each question the possible ranks of its candidates, the best first."""
    for decision in answered(results):
        question = decision.question
        asked_for = ": ".join(filter(None, (question.situation, question.images)))
        for quantity, standings in decision.standings.items():
            values = {choice: value_cell(results, choice, quantity) for choice in standings}
            metric = results.names.printed(quantity.metric).title
            measure = f"{metric}, {results.label_of(quantity.condition)}"
            sign = -1 if results.names.metric(quantity.metric).better == "higher" else 1
            for choice in sorted(
                standings, key=lambda choice: (sign * values[choice].value, choice)
            ):
                standing = standings[choice]
                between = dict.fromkeys((standing.first, standing.last))
                place = {
                    "Question": (question.name, asked_for),
                    "Measure": (quantity, measure),
                    "Method": (choice, label(results, choice)),
                }
                cells = {
                    "Value": values[choice],
                    "Ranks": Cell(standing.first, text="–".join(map(str, between)), status="ok"),
                    "Tied with\nthe best": Cell(text=_tied(standing)),
                }
                for heading, cell in cells.items():
                    yield {**place, "Standing": (heading, heading)}, cell


def _tied(standing: Standing) -> str:
    if standing.is_worse_than_guessing:
        return "no: worse than guessing"
    return "yes" if standing.is_tied else "no"


def members(results: Results, pivot: Pivot) -> Iterator[tuple[Place, Cell]]:
    """How much members of each method differ, the most first."""
    quantities = list(pivot.quantities(results))
    values = {
        variant: {q: value_cell(results, results.candidate(variant), q) for q in quantities}
        for variant in results.compared
    }
    several = {v: cells for v, cells in values.items() if cells[quantities[-1]].value > 0}
    for variant in sorted(several, key=lambda v: several[v][quantities[-1]].value, reverse=True):
        for quantity, cell in several[variant].items():
            place = place_of(results, variant)
            yield {**place, "Measure": (quantity, _heading(results, quantity))}, cell


def kinds(results: Results, _: Pivot) -> Iterator[tuple[Place, Cell]]:
    """The best method and the best score of each kind, where there are two kinds to compare.

    What a score does not change stands in the row of its method.
    """
    for own in results.blocks(results.compared).values():
        choices = {kind: values for kind, values in _by_kind(results, own).items() if values}
        for kind, values in choices.items() if len(choices) > 1 else ():
            best = max(values, key=values.__getitem__)
            cells = _values(results, best) | _costs(results, best, Cell())
            place = {
                **place_of(results, best.variant),
                "Kind": (kind, f"{kind[:1].upper()}{kind[1:]}"),
                "Best of its kind": (best, label(results, best)),
            }
            for heading, cell in cells.items():
                yield {**place, "Measure": (heading, heading)}, cell


def _by_kind(results: Results, variants: Sequence[Variant]) -> dict[str, dict[Candidate, float]]:
    """The methods and scores of each kind with what they are chosen by: the larger, the better.

    Methods by the NLL on clean images; scores by their mean AUROC.
    """
    methods = list(map(results.candidate, variants))
    kinds: dict[str, dict[Candidate, float]] = {}
    for method in methods:
        chosen_by = kinds.setdefault(results.names.method(method.method).group or OTHER, {})
        if row := results.value(method, Quantity(*RANKED_BY)):
            chosen_by[method] = -row["value"]
    kinds |= {OF_LOGITS: {}, OF_FEATURES: {}}
    scored = {choice._replace(score="") for choice in results.further_scored}
    for score in results.names.scores:
        for choice in (method._replace(score=score.name) for method in methods if method in scored):
            rows = [results.value(choice, Quantity(name, DETECTION)) for name in results.ood]
            if values := [row["value"] for row in rows if row]:
                if "logits" in score.needs:
                    kinds[OF_LOGITS][choice] = fmean(values)
                if score.fitted:
                    kinds[OF_FEATURES][choice] = fmean(values)
    return kinds


def _values(results: Results, choice: Candidate) -> dict[str, Cell]:
    """The cells of the headline; those that a score changes, if the choice has one."""
    return {
        _heading(results, quantity): value_cell(results, choice, quantity)
        if quantity.metric == DETECTION or not choice.score
        else Cell()
        for quantity in headline(results)
    }


def _heading(results: Results, quantity: Quantity) -> str:
    """Over its column: the metric, and below it the images."""
    title = results.names.printed(quantity.metric).title
    return f"{title}\n{results.label_of(quantity.condition)}"


def _costs(results: Results, choice: Candidate, missing: Cell) -> dict[str, Cell]:
    """Networks to train, and the milliseconds of a single image."""
    timing, time = single_image(results, choice), missing
    if timing is not None and not math.isnan(timing["p50_ms"]):
        time = Cell(timing["p50_ms"], status="ok", text=two_digits(timing["p50_ms"]))
    budget = choice.budget
    trained = Cell(budget, status="ok", text=f"{budget:g}") if results.recipe else missing
    return {"Networks ↓": trained, "ms ↓": time}


def _worth(results: Results, choice: Candidate) -> Cell:
    """In ensembles of networks of budget 1; that of such an ensemble is its size."""
    is_natural = results.names.each(choice.variant) == 1
    if is_natural and choice.method in results.ensembles and choice.members.isdigit():
        return Cell(float(choice.members), status="ok", text=choice.members)
    for ensemble in results.ensembles:
        if worth := typical_worth(results, choice, ensemble):
            return Cell(worth.number, status="ok", text=worth.interval)
    return Cell(reason="not compared with ensembles" if results.ensembles else NOT_MEASURED)
