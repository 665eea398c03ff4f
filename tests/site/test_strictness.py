"""What must not be on the site ends its making."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.errors import UserError

pytest.importorskip("griffe", reason="not installed: '.[docs]'")
pytest.importorskip("material", reason="not installed: '.[docs]'")
pytest.importorskip("mkdocs", reason="not installed: '.[docs]'")
pytest.importorskip("mkdocstrings_handlers.python", reason="not installed: '.[docs]'")
pytest.importorskip("nbconvert", reason="not installed: '.[docs]'")

from benchmarks.site import pages
from benchmarks.site.building import build
from benchmarks.site.docstrings import faults
from benchmarks.site.reference import ReferencePage


class Base:
    """A class."""

    def method(self) -> None:
        """It is described."""


class Derived(Base):
    """Another."""

    def method(self) -> None:
        pass


@pytest.mark.filterwarnings("default")  # those of the libraries
def test_dead_links_and_faults_of_docstrings_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "repository"
    (root / "docs").mkdir(parents=True)
    for name in pages.TOP:
        (root / name).write_text("# A page\n\n[gone](docs/gone.md), [no place](#none)\n", "utf-8")
    page = ReferencePage("# Reference\n", ())
    monkeypatch.setattr(pages, "reference", lambda: {"api/python.md": page})
    monkeypatch.setattr(pages, "faults", lambda documented: ["x: there is no docstring"])
    with pytest.raises(UserError) as error:
        build(root, [], tmp_path / "site")
    message = str(error.value)
    assert message.startswith("the site was not made: ")
    assert "\n" not in message
    assert "x: there is no docstring" in message
    assert "'README.md' contains a link 'docs/gone.md', but the target is not found" in message
    assert "link '#none', but there is no such anchor on this page" in message
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


def test_faults_of_docstrings_are_found() -> None:
    @dataclass
    class Described:
        """A class.

        Attributes:
            given: described.
        """

        given: int
        other: int
        _own: int

        def silent(self) -> None:
            pass

        @classmethod
        def outdated(cls, image: int) -> None:
            """Of a parameter that is gone.

            Args:
                image, images: of which the second is.
            """

        @property
        def kept(self) -> int:
            """Nothing is missing here."""
            return 1

        def _private(self) -> None:
            pass

    def undescribed() -> None:
        pass

    where = f"{__name__}.test_faults_of_docstrings_are_found.<locals>."
    assert [fault.removeprefix(where) for fault in faults([Described, undescribed])] == [
        "Described: the attribute other is not described",
        "Described.silent: there is no docstring",
        "Described.outdated: there is no parameter images",
        "undescribed: there is no docstring",
    ]


def test_inherited_descriptions_count() -> None:
    assert list(faults([Derived])) == []
