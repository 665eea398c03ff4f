"""The verdict: a few sentences on what dropout tells, and on which method to use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.files import write_json
from benchmarks.report.answer.candidates import cost, is_ensemble
from benchmarks.report.answer.decision import Decision, decisions
from benchmarks.report.answer.evidence import Candidate, Evidence, Relation, networks
from benchmarks.report.answer.labels import in_sentence
from benchmarks.report.answer.situations import judged_by
from benchmarks.report.answer.words import is_kept, named
from benchmarks.report.editorial import DROPOUT
from benchmarks.report.read.comparisons import Quantity
from benchmarks.report.results import Results
from benchmarks.report.texts import listed, within_sentence
from benchmarks.vocabulary import ANSWER_JSON

QUESTION = "whether one network with dropout is as good as many"

NOT_DECIDED = "Not decided"
"""The reply where tests find neither that it is as good nor that it is worse."""

UNDECIDED = "", ""
"""What to do where tests do not decide: nothing, with nothing."""

DECIDED = (Relation.WORSE, Relation.BETTER, Relation.AS_GOOD)
"""What tests decide: the measures are named."""


def write_answer(results: Results, folder: Path) -> None:
    """Write the verdict on dropout and the advice: README shows them without the comparisons."""
    content = {"dropout": on_dropout(results), "advice": advice(results)}
    write_json(content, folder / ANSWER_JSON)


def advice(results: Results) -> str:
    """Which method to use, as the table of decisions says.

    Where one network is all there is, and for what needs the best.
    """
    in_any_time = [d for d in decisions(results) if d.situation.milliseconds is None]
    few = [d for d in in_any_time if d.situation.networks == 1]
    purposes = [d for d in in_any_time if d.situation.networks is None]
    return f"{_advised(results, few)} {_advised(results, purposes)}"


def on_dropout(results: Results) -> str:
    """Whether one network with dropout does as well as the largest ensemble, by all measures."""
    sampled, ensembles = _one_and_many(results)
    if not sampled or not ensembles:
        missing = "ensemble" if sampled else "method that leaves dropout on"
        return f"This run cannot tell {QUESTION}: it has no {missing}."
    one, many = sampled[0], ensembles[0]
    evidence, quantities = Evidence(results), judged_by(results)
    found = _relations(evidence, one, many)
    if set(found.values()) <= {Relation.UNTESTED}:
        return f"This run cannot tell {QUESTION}: the two were not compared."
    size = cost(results, many)[0]
    worth = _worth([w for q in quantities if (w := evidence.worth(one, many, q))])
    name = in_sentence(results, one, retrained=False)
    compared = f"{name} was compared with an ensemble of {size} networks on {len(found)} measures."
    return " ".join(
        [f"{_reply(list(found.values()))}.", compared, *_counted(results, found), *worth]
    )


def reply_on_dropout(results: Results) -> str:
    """The reply in a word or two; empty where a run cannot tell."""
    sampled, ensembles = _one_and_many(results)
    if not sampled or not ensembles:
        return ""
    found = _relations(Evidence(results), sampled[0], ensembles[0])
    return "" if set(found.values()) <= {Relation.UNTESTED} else _reply(list(found.values()))


def _one_and_many(results: Results) -> tuple[list[Candidate], list[Candidate]]:
    """Of the main recipe, the methods that leave dropout on, and the ensembles of networks."""
    names, main = results.names, results.recipes[0]
    of_main = [Candidate(main, *variant) for variant in results.of_recipe(main).largest]
    ensembles = [one for one in of_main if is_ensemble(results, one)]
    with_dropout = [one for one in of_main if DROPOUT in names.method(one.method).needs]
    return [one for one in with_dropout if one not in ensembles], ensembles


def _relations(evidence: Evidence, one: Candidate, many: Candidate) -> dict[Quantity, Relation]:
    """What tests say of the two, by all measures of which either has a value."""
    quantities = judged_by(evidence.results)
    measured = [q for q in quantities if evidence.value(one, q) or evidence.value(many, q)]
    return evidence.relations(one, many, measured)


def _reply(found: Sequence[Relation]) -> str:
    """Yes: as good or better by all measures. No: worse by most, or by some and as good by none.

    By a measure without a test it is neither.
    """
    counts = Counter(found)
    worse, good = counts[Relation.WORSE], counts[Relation.BETTER] + counts[Relation.AS_GOOD]
    if good == len(found):
        return "Yes"
    if 2 * worse > len(found) or (worse and not good):
        return "No"
    return "In part" if worse else NOT_DECIDED


def _counted(results: Results, found: Mapping[Quantity, Relation]) -> Iterator[str]:
    """By how many of the measures it is what, a sentence each; by which, where tests decide."""
    for relation in DECIDED:
        if some := [quantity for quantity, one in found.items() if one is relation]:
            yield f"It is {relation} on {len(some)}: {_measures(results, some)}."
    counts = Counter(found.values())
    if counts[Relation.OPEN]:
        yield f"On {counts[Relation.OPEN]}, tests do not tell the two apart."
    if counts[Relation.UNTESTED]:
        yield f"On {counts[Relation.UNTESTED]}, they were not compared."


def _measures(results: Results, some: Sequence[Quantity]) -> str:
    """The names of the measures, each once, with the conditions."""
    conditions: dict[str, list[str]] = {}
    for quantity in some:
        name = within_sentence(results.names.printed(quantity.metric).name)
        conditions.setdefault(name, []).append(results.label_of(quantity.condition))
    return listed([f"{name} ({listed(where)})" for name, where in conditions.items()])


def _worth(worths: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """How many networks it is worth: by the median measure, and by which least and most."""
    if not worths:
        return
    ordered = sorted((worth for worth, _, _ in worths), key=networks)
    least, median, most = map(_in_words, (ordered[0], _median(ordered), ordered[-1]))
    unit = "network" if median in ("1", "less than 1") else "networks"
    yield f"By the median over measures, it does as well as an ensemble of {median} {unit}."
    if least != most:
        yield f"Over the measures, this ranges from {least} to {most}."


def _median(ordered: Sequence[str]) -> str:
    """Of sorted worths; of two open or different ends in the middle, the range between them.

    >>> _median(["<1", "1.2", "1.6", ">50"]), _median(["1.2", ">50"]), _median(["<1"])
    ('1.4', '1.2 to >50', '<1')
    """
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    if lower == upper:
        return lower
    if lower.startswith("<") or upper.startswith(">"):
        return f"{lower} to {upper}"
    return f"{(float(lower) + float(upper)) / 2:.2g}"


def _in_words(worth: str) -> str:
    return worth.replace("<", "less than ").replace(">", "more than ")


def _advised(results: Results, some: Sequence[Decision]) -> str:
    """What to use in each situation, a sentence each; situations with the same answer together."""
    by_clause: dict[str, list[Decision]] = {}
    for decision in some:
        by_clause.setdefault(decision.situation.clause, []).append(decision)
    clauses: dict[str, list[str]] = {}
    for clause, made in by_clause.items():
        clauses.setdefault(_used(results, made), []).append(clause)
    told = [f"{' or '.join(several)}, {used}." for used, several in clauses.items()]
    return " ".join(f"{text[:1].upper()}{text[1:]}" for text in told)


def _used(results: Results, made: Sequence[Decision]) -> str:
    """What to use for each purpose; said once where it is the same for all."""
    told: dict[tuple[str, str], list[str]] = {}
    for decision in made:
        told.setdefault(_choice(results, decision), []).append(decision.purpose.clause)
    undecided = listed(told.pop(UNDECIDED, []))
    if not told:
        return "no method can be recommended"
    if not undecided and len(told) == 1:
        return " ".join(next(iter(told)))
    verbs = ["", *(verb for verb, _ in told)]
    used = listed(
        [
            " ".join([*([verb] if verb != before else []), names, listed(where)])
            for before, ((verb, names), where) in zip(verbs, told.items(), strict=False)
        ]
    )
    return used + (f" (tests do not decide {undecided})" if undecided else "")


def _choice(results: Results, decision: Decision) -> tuple[str, str]:
    """What to do with what: of many choices the cheapest alone; `UNDECIDED` if tests do not say."""
    kept = is_kept(Evidence(results), decision)
    some = decision.tested[:1] if kept else named(decision)
    retrains = decision.situation.retrains
    names = [in_sentence(results, one, retrained=retrains) for one in some]
    return ("keep" if kept else "use", " or ".join(names)) if names else UNDECIDED
