"""Links of the guides lead to files and headings of the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "benchmarks/metrics/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


def headings(page: Path) -> set[str]:
    """As links name them: in small letters, with hyphens for spaces and no other marks."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8"))
    lost = []
    for path, heading in links:
        target = page.parent / path if path else page
        known = headings(target) if heading and target.suffix == ".md" else {heading}
        if not target.exists() or heading not in known:
            lost.append(f"{path}#{heading}")
    assert not lost
