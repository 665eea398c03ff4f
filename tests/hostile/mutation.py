"""Damage to files, as Hypothesis draws it, and how many examples of it tests try."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from typing import TypeVar
from warnings import catch_warnings, simplefilter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

T = TypeVar("T")

FUZZ = settings(
    deadline=None,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

LENGTHS = [pytest.param(1, id="short"), pytest.param(10, id="long", marks=pytest.mark.long)]
"""Of a fuzz: by how much the number of examples is multiplied."""


def fuzz(check: Callable[..., None], examples: int, **drawn: st.SearchStrategy[object]) -> None:
    """Call the check with so many examples."""
    settings(FUZZ, max_examples=examples)(given(**drawn)(check))()


@st.composite
def damaged(draw: st.DrawFn, contents: Sequence[bytes]) -> bytes:
    """One of the files with bytes flipped, cut out, repeated, inserted or put in from another."""
    content = draw(st.sampled_from(contents))
    for _ in range(draw(st.integers(1, 3))):
        content = draw(st.sampled_from(DAMAGES))(draw, content, contents)
    return content


@st.composite
def damaged_archive(draw: st.DrawFn, contents: Sequence[bytes]) -> bytes:
    """An archive of whole members of which some are damaged, gone, exchanged or there twice."""
    members = [list(members_of(content).items()) for content in contents]
    chosen = draw(st.sampled_from(members))
    for _ in range(draw(st.integers(1, 3))):
        if chosen:
            chosen = draw(st.sampled_from(CHANGES))(draw, list(chosen), members)
    file = io.BytesIO()
    compression = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    with catch_warnings(), zipfile.ZipFile(file, "w", compression) as made:
        simplefilter("ignore")  # of names that are there twice
        for name, content in chosen:
            made.writestr(name or "?", content)
    return file.getvalue()


def files_damaged(contents: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Archives, damaged from outside or from inside; or what never was one."""
    return st.one_of(damaged(contents), damaged_archive(contents), st.binary(max_size=200))


def members_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


Members = list[tuple[str, bytes]]


def _place(draw: st.DrawFn, content: bytes) -> int:
    """Headers are as likely to be hit as all the rest."""
    end = len(content)
    return draw(st.one_of(st.integers(0, min(end, 120)), st.integers(0, end)))


def _flip(draw: st.DrawFn, content: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(draw, content)
    return content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]


def _cut_off(draw: st.DrawFn, content: bytes, _: Sequence[bytes]) -> bytes:
    return content[: _place(draw, content)]


def _cut_out(draw: st.DrawFn, content: bytes, _: Sequence[bytes]) -> bytes:
    start, stop = sorted((_place(draw, content), _place(draw, content)))
    return content[:start] + content[stop:]


def _repeat(draw: st.DrawFn, content: bytes, _: Sequence[bytes]) -> bytes:
    start, stop = sorted((_place(draw, content), _place(draw, content)))
    return content[:stop] + content[start:]


def _insert(draw: st.DrawFn, content: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(draw, content)
    return content[:at] + draw(st.binary(min_size=1, max_size=30)) + content[at:]


def _put_in(draw: st.DrawFn, content: bytes, contents: Sequence[bytes]) -> bytes:
    other, at = draw(st.sampled_from(contents)), _place(draw, content)
    start, stop = sorted((_place(draw, other), _place(draw, other)))
    return content[:at] + other[start:stop] + content[at + stop - start :]


DAMAGES = (_flip, _flip, _cut_off, _cut_out, _repeat, _insert, _put_in)


def _damage(draw: st.DrawFn, members: Members, others: Sequence[Members]) -> Members:
    at = draw(st.integers(0, len(members) - 1))
    contents = [content for one in others for _, content in one]
    damage = draw(st.sampled_from(DAMAGES))
    members[at] = members[at][0], damage(draw, members[at][1], contents)
    return members


def _drop(draw: st.DrawFn, members: Members, _: Sequence[Members]) -> Members:
    del members[draw(st.integers(0, len(members) - 1))]
    return members


def _shuffle(draw: st.DrawFn, members: Members, _: Sequence[Members]) -> Members:
    return draw(st.permutations(members))


def _exchange(draw: st.DrawFn, members: Members, _: Sequence[Members]) -> Members:
    one, other = (draw(st.integers(0, len(members) - 1)) for _ in range(2))
    names = members[one][0], members[other][0]
    members[one] = names[1], members[one][1]
    members[other] = names[0], members[other][1]
    return members


def _from_another(draw: st.DrawFn, members: Members, others: Sequence[Members]) -> Members:
    at = draw(st.integers(0, len(members) - 1))
    content = draw(st.sampled_from([content for one in others for _, content in one]))
    members[at] = members[at][0], content
    return members


def _twice(draw: st.DrawFn, members: Members, _: Sequence[Members]) -> Members:
    return [*members, draw(st.sampled_from(members))]


def _rename(draw: st.DrawFn, members: Members, _: Sequence[Members]) -> Members:
    at = draw(st.integers(0, len(members) - 1))
    members[at] = draw(st.text(max_size=10)) + ".npy", members[at][1]
    return members


CHANGES = (_damage, _damage, _damage, _drop, _shuffle, _exchange, _from_another, _twice, _rename)


def outcome(read: Callable[[], T], *errors: type[Exception]) -> T | None:
    """What is read; or nothing, where there is one of these errors, whose message is one line."""
    try:
        return read()
    except errors as error:
        message = str(error)
    assert message
    assert "\n" not in message
    return None
