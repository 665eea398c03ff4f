"""Several settings side by side: which answers agree, and how far rankings do."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.across.command import command_line
from benchmarks.across.rankings import (
    RankCorrelation,
    network_choices,
    rank_correlations,
    spearman,
)
from benchmarks.across.settings import Setting, in_common, left_out, read_settings, settings_of
from benchmarks.across.statements import AS_MANY, NOTHING, Statement, dependence, statements
from benchmarks.across.writing import FILES, in_words, rankings_tables, write_across
from benchmarks.errors import UserError
from benchmarks.report.answer.evidence import Candidate
from benchmarks.report.read.across import summary_across, summary_beside
from benchmarks.report.results import Results
from benchmarks.vocabulary import ACROSS_JSON, ACROSS_MD, SUMMARY_CSV
from tests.report.answer.cases import (
    AUGRC,
    AUROC,
    BETTER,
    CLEAN,
    DROPOUT,
    FIFTY,
    FIVE,
    OPEN,
    PLAIN,
    SHIFTED,
    SOFTMAX,
    WORSE,
    compared,
    run,
)

ARTICLE = Path(__file__).parents[2] / "results" / "article"
"""A run of one network."""

ABSTAINING = [*AUGRC, *(one._replace(metric="error_at_coverage_90") for one in AUGRC)]
EVERY = [*CLEAN, *SHIFTED, *ABSTAINING, *AUROC]
PLAIN_FIFTY = Candidate("plain", "deep_ensemble", "50")
CHOICES = (SOFTMAX, DROPOUT, FIVE, FIFTY, PLAIN, PLAIN_FIFTY)


def setting(results: Results, task: str = "MNIST", network: str = "lenet5") -> Setting:
    return Setting(task, network, results)


def answers(*settings: Setting) -> dict[str, Statement]:
    return {one.question: one for one in statements(settings)}


def test_reply_on_dropout_is_compared_across_settings() -> None:
    worse, better = (
        setting(run(dict.fromkeys(CHOICES, EVERY), compared(DROPOUT, FIFTY, EVERY, said)), task)
        for said, task in ((WORSE, "MNIST"), (BETTER, "Fashion-MNIST"))
    )
    again = replace(worse, network="lenet5_relu")
    statement = answers(worse, better, again)[AS_MANY]
    assert list(statement.answers.values()) == ["No", "Yes", "No"]
    assert statement.most_common == ("No",)
    assert statement.holds == "in 2 of 3: MNIST with lenet5 and MNIST with lenet5_relu"


def test_recommendations_are_named_by_dropout_not_by_recipe() -> None:
    tests = compared(PLAIN, SOFTMAX, EVERY, BETTER)
    one = setting(run({SOFTMAX: EVERY, PLAIN: EVERY}, tests))
    other = replace(one, network="lenet5_relu")
    statement = answers(one, other)["I can retrain one network: Clean images"]
    assert statement.most_common == ("Softmax (trained without dropout)",)
    assert statement.holds == "in all 2"


def test_no_recommendation_after_tests_is_an_answer() -> None:
    tests = compared(PLAIN, SOFTMAX, EVERY, OPEN)
    one = setting(run({SOFTMAX: EVERY, PLAIN: EVERY}, tests))
    statement = answers(one, replace(one, network="other"))[
        "I can retrain one network: Clean images"
    ]
    assert statement.most_common == (NOTHING,)
    assert statement.holds == "in all 2"


def with_values(order: Mapping[Candidate, float]) -> Results:
    results = run(dict.fromkeys(CHOICES, EVERY))
    keys = zip(*(results.summary[name] for name in ("recipe", "method", "members")), strict=True)
    return replace(
        results, summary=results.summary.assign(value=[order[Candidate(*key)] for key in keys])
    )


def test_rank_correlation_is_of_the_methods_that_both_settings_have() -> None:
    random = np.random.default_rng(0)
    one, other = (dict(zip(CHOICES, random.random(6), strict=True)) for _ in range(2))
    found = list(
        rank_correlations(
            [setting(with_values(one)), setting(with_values(other), task="Fashion-MNIST")]
        )
    )
    assert {(row.condition, row.metric) for row in found} == {
        (q.condition, q.metric) for q in EVERY
    }
    expected = stats.spearmanr(list(one.values()), list(other.values())).statistic
    assert all(row.value == pytest.approx(expected) for row in found)
    assert {(row.kind, row.methods) for row in found} == {("task", 6)}


def test_recipes_are_matched_by_dropout() -> None:
    """The same method of both recipes is two methods; a ranking that swaps them is another one."""
    order = dict(zip(CHOICES, range(6), strict=True))
    swapped = order | {SOFTMAX: order[PLAIN], PLAIN: order[SOFTMAX]}
    settings = [setting(with_values(order)), setting(with_values(swapped), network="other")]
    (value,) = {row.value for row in rank_correlations(settings)}
    assert value == pytest.approx(1 - 6 * (4**2 + 4**2) / (6 * 35))


def test_too_few_methods_have_no_rank_correlation() -> None:
    few = setting(run(dict.fromkeys(CHOICES[:4], EVERY)))
    assert list(rank_correlations([few, replace(few, network="other")])) == []


def test_interval_of_a_rank_correlation_covers() -> None:
    """By 2,000 draws of normal pairs, whose Spearman correlation is 6/π·arcsin(r/2)."""
    random, r, n = np.random.default_rng(1), 0.6, 25
    expected = 6 / math.pi * math.asin(r / 2)
    draws = random.multivariate_normal([0, 0], [[1, r], [r, 1]], size=(2000, n))
    intervals = [spearman(draw[:, 0], draw[:, 1])[1:] for draw in draws]
    covered = np.mean([lower <= expected <= upper for lower, upper in intervals])
    assert 0.93 <= covered <= 0.97


def test_networks_of_one_run_are_settings_of_their_own() -> None:
    results = run(dict.fromkeys(CHOICES, EVERY))
    assert [one.label for one in settings_of(results)] == ["MNIST with lenet5"]
    recipes = tuple(
        replace(one, network="lenet5_relu") if one.name == "plain" else one
        for one in results.names.recipes
    )
    two = replace(results, names=replace(results.names, recipes=recipes))
    settings = list(settings_of(two))
    assert [(one.label, one.results.recipes) for one in settings] == [
        ("MNIST with lenet5", ("standard",)),
        ("MNIST with lenet5_relu", ("plain",)),
    ]


GRID = [
    Setting(task, network, None)  # type: ignore[arg-type]
    for task in ("MNIST", "Fashion-MNIST")
    for network in ("tanh", "relu")
]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("aaaa", "nothing"),
        ("aabb", "data set"),
        ("abab", "network"),
        ("abcd", "both"),
        ("aaab", "both"),
        (("a", "a", "", "b"), "not known"),
    ],
)
def test_answer_depends_on_what_changes_it(given: Sequence[str], expected: str) -> None:
    statement = Statement("?", {one.label: a for one, a in zip(GRID, given, strict=True)})
    assert dependence(statement, GRID) == expected


def test_answers_are_of_the_methods_that_all_settings_have(tmp_path: Path) -> None:
    tests = compared(PLAIN, SOFTMAX, EVERY, BETTER)
    of_many = [row for one in (PLAIN, SOFTMAX) for row in compared(PLAIN_FIFTY, one, EVERY, BETTER)]
    many = setting(run(dict.fromkeys((SOFTMAX, PLAIN, PLAIN_FIFTY), EVERY), tests + of_many))
    one = setting(run({SOFTMAX: EVERY, PLAIN: EVERY}, tests), network="other")
    question = "I need to know when to abstain: Clean and shifted images"
    assert answers(many, one)[question].holds == "in none"
    assert left_out([many, one]) == ("Deep ensemble, M = 50",)
    assert answers(*in_common([many, one]))[question].holds == "in all 2"
    write_across([many, one], tmp_path)
    assert (
        "not all settings have them: Deep ensemble, M = 50." in (tmp_path / ACROSS_MD).read_text()
    )


def test_settings_that_share_nothing_do_not_tell_between_what_answers_differ() -> None:
    apart = [GRID[0], GRID[3]]
    same, differing = (
        Statement("?", dict(zip([one.label for one in apart], given, strict=True)))
        for given in ("aa", "ab")
    )
    assert dependence(same, apart) == "nothing"
    assert dependence(differing, apart) == "not known"
    three = Statement(
        "?", dict(zip([one.label for one in [*GRID[:2], GRID[2]]], "aab", strict=True))
    )
    assert dependence(three, GRID[:3]) == "data set"


def test_correlations_are_in_words_and_in_tables() -> None:
    a, b = (one.label for one in GRID[:2])
    said = [Statement("?", {a: one, b: other}) for one, other in ("xx", "xy", ("", "x"))]
    rows = [
        RankCorrelation("clean", "Clean", metric, a, b, "network", 6, value, math.nan, math.nan)
        for metric, value in (("accuracy", 0.5), ("nll", 0.9), ("ece", math.nan))
    ]
    words = in_words(said, rows, GRID[:2])
    assert all(found in words for found in ("Of 3 answers", "0.70 between two networks"))
    (table,) = rankings_tables(rows, run({SOFTMAX: EVERY}).names)
    assert [row.cells[0].text for row in table.rows] == ["0.50", "0.90", ""]


def test_one_network_of_a_task_detects_beside_many() -> None:
    results = run(dict.fromkeys(CHOICES, EVERY))
    settings = [setting(results), setting(results, network="lenet5_relu")]
    (words,) = network_choices(settings)
    assert "(lenet5) and" in words
    assert list(network_choices(settings[:1])) == []


def test_one_setting_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to compare: the runs are of MNIST with lenet5"):
        read_settings([ARTICLE])
    with pytest.raises(UserError, match="two runs are of MNIST with lenet5; name runs of diff"):
        read_settings([ARTICLE, ARTICLE])
    with pytest.raises(UserError, match="there are no results in"):
        read_settings([tmp_path])


def test_pages_and_tables_are_written(tmp_path: Path) -> None:
    one = setting(run({SOFTMAX: EVERY, DROPOUT: EVERY, FIFTY: EVERY}))
    summary = write_across([one, replace(one, task="Another")], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)
    text = (tmp_path / FILES[0]).read_text()
    headings = "| Question | Differs between | Most common answer | Holds | MNIST with lenet5 |"
    assert headings in text
    assert summary in text
    assert "the same in all 2 settings" in summary


def test_settings_without_a_method_in_common_are_refused(tmp_path: Path) -> None:
    one, other = setting(run({SOFTMAX: EVERY})), setting(run({PLAIN: EVERY}), network="other")
    with pytest.raises(UserError, match="no method is in all of MNIST with lenet5, MNIST with oth"):
        write_across([one, other], tmp_path)


def test_summary_is_told_on_the_page_of_each_run_compared(tmp_path: Path) -> None:
    one = setting(run({SOFTMAX: EVERY, DROPOUT: EVERY, FIFTY: EVERY}))
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / SUMMARY_CSV).write_text("of one run")
    summary = write_across(
        [one, replace(one, task="Another")], tmp_path / "across", [tmp_path / "mine"]
    )
    assert summary_across(tmp_path / "across") == summary
    assert summary_beside(tmp_path / "other") == summary  # the same results
    (tmp_path / "other" / SUMMARY_CSV).write_text("of another run")
    assert summary_beside(tmp_path / "other") == ""
    (tmp_path / "across" / ACROSS_JSON).write_text('{"runs": "mni')
    with pytest.raises(UserError, match=r"across\.json is damaged .* -m benchm"):
        summary_across(tmp_path / "across")
    assert summary_beside(tmp_path / "mine") == ""
    with pytest.raises(UserError, match=r"there is no \S+across\.json; run python -m benchm"):
        summary_across(tmp_path / "none")


def test_command_names_a_folder_without_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["across", str(ARTICLE), str(tmp_path)])
    assert command_line() == 2
    assert re.fullmatch(r"error: there are no results in [^\n]*\n", capsys.readouterr().err)
