"""How the numbers were made: the run's record, and the files that it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.io import read_run_json
from benchmarks.vocabulary import (
    CLAIMS_CSV,
    CLAIMS_FOLDER,
    CLAIMS_JSON,
    CLAIMS_MD,
    COMPARISONS_CSV,
    CURVES_FOLDER,
    FIGURES_FOLDER,
    IMAGES_NPZ,
    LATENCY_CSV,
    MEASUREMENTS_CSV,
    NOUNS_JSON,
    PUBLISHED_JSON,
    PUBLISHED_MD,
    RUN_JSON,
    SCORE_LATENCY_CSV,
    SUMMARY_CSV,
    TABLES_FOLDER,
    TRAINING_CSV,
    WORTH_CSV,
)

DOWNLOADS = {
    SUMMARY_CSV: "means over replicates, with intervals",
    MEASUREMENTS_CSV: "every number of every replicate",
    COMPARISONS_CSV: "paired differences between methods",
    WORTH_CSV: "how many networks each method is worth",
    LATENCY_CSV: "latency and memory of each method",
    SCORE_LATENCY_CSV: "latency and memory of each score of logits or features",
    TRAINING_CSV: "training log of each network",
    NOUNS_JSON: "the fields of methods, conditions, metrics and so on",
    CLAIMS_JSON: "the article's claims and their verdicts",
    CLAIMS_CSV: "the numbers that they are judged by",
    CLAIMS_MD: "claims, verdicts and numbers as text",
    PUBLISHED_JSON: "other papers' numbers beside ours, and whether they agree",
    PUBLISHED_MD: "the same as text",
    IMAGES_NPZ: "the images shown",
    RUN_JSON: "configuration, command, versions, fingerprints, wall time",
    f"{TABLES_FOLDER}/": "each table as Markdown and CSV",
    f"{FIGURES_FOLDER}/": "each figure as PNG and SVG, and its numbers as CSV",
    f"{CURVES_FOLDER}/": "further data of the figures",
    f"{CLAIMS_FOLDER}/": "data of the claims' figures",
}
"""The files and folders of a run, and what is in them."""


def provenance(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """``facts``: pairs of a heading and a text; ``downloads``: of a path and what it holds.

    Read from the run's record; what it lacks is left out. So is the wall time: it changes when a
    run is resumed, and the page should not.
    """
    return {
        "facts": _facts(read_run_json(folder)),
        "downloads": [(path, what) for path, what in DOWNLOADS.items() if (folder / path).exists()],
    }


def mixture(record: dict[str, Any]) -> str:
    """What computed the networks and the predictions of a run, where these are several machines.

    Args:
        record: the run's, with ``machines``.

    >>> mixture({"machines": {"networks": ["A, torch 2"], "predictions": ["A, torch 2"]}})
    ''
    >>> mixture({"machines": {"networks": ["A", "B"], "predictions": ["B"]}})
    'networks by A / B; predictions by B. Numbers may differ in their last digits from those of \
one machine'
    """
    machines = {what: some for what, some in record.get("machines", {}).items() if some}
    if len({one for some in machines.values() for one in some}) < 2:
        return ""
    by = "; ".join(f"{what} by {' / '.join(some)}" for what, some in machines.items())
    return f"{by}. Numbers may differ in their last digits from those of one machine"


def _facts(content: dict[str, Any]) -> list[tuple[str, str]]:
    environment = content.get("environment", {})
    facts = {
        "Command": content.get("command"),
        "Commit": content.get("commit"),
        "Version": content.get("version") and f"uncertainty-bench {content['version']}",
        "Machine": ", ".join(
            str(environment[name]) for name in ("processor", "system") if environment.get(name)
        )
        + (f", {environment['cores']} cores" if environment.get("cores") else ""),
        "Mixed machines": mixture(content),
        "Device": environment.get("device"),
        "Engine": environment.get("engine"),
        "Python": environment.get("python"),
        "Libraries": ", ".join(
            f"{name} {version}" for name, version in environment.get("libraries", {}).items()
        ),
    }
    return [(name, str(text)) for name, text in facts.items() if text]
