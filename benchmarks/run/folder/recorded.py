"""What a run's record says, which code and data of today must agree with to compute it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from benchmarks.environment import suite_version
from benchmarks.errors import UserError
from benchmarks.run.configuration import Configuration
from benchmarks.run.record import PREDICTIONS, meaning_of


def require_of_today(record: Mapping[str, Any], what: str, remedy: str) -> None:
    """Stop where code that computes something else computed a run, which this would not repeat.

    Args:
        record: of the run.
        what: what the message calls it.
        remedy: what to do with the version or the code that computed it.

    Raises:
        UserError: its configuration has other parts, or its predictions have another meaning.
    """
    if set(record["configuration"]) != {field.name for field in fields(Configuration)}:
        raise _of_another_version(record, what, remedy)
    if (meaning := meaning_of(record)) != PREDICTIONS:
        raise UserError(
            f"{what} has predictions of meaning {meaning}, and this code computes those of "
            f"meaning {PREDICTIONS}; {remedy.format('code')}"
        )


def _of_another_version(record: Mapping[str, Any], what: str, remedy: str) -> UserError:
    return UserError(
        f"{what} was computed by version {record.get('version')} of the suite, and this is "
        f"{suite_version()}; {remedy.format('version')}"
    )


def recorded_configuration(record: Mapping[str, Any], methods: Sequence[str]) -> Configuration:
    """The configuration that a record has.

    Args:
        record: of a run, by this version.
        methods: where its custom methods are, ``path/to/file.py:Class``.

    Raises:
        UserError: these are not the custom methods of the run.
    """
    identity = record["configuration"]
    used = identity["custom_methods"]
    named = ", ".join(entry["method"] for entry in used)
    if len(used) != len(methods):
        raise UserError(
            f"--method: the run has {len(used)} custom methods{named and f' ({named})'}; name each "
            "as for run_all.py, and no others"
        )
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in identity.items()
    }
    configuration = Configuration(**values | {"custom_methods": tuple(methods)})
    if configuration.identity["custom_methods"] != used:
        raise UserError(f"--method: the run used other files of {named}; name these")
    return configuration


def require_images_of(
    recorded: Mapping[str, Mapping[str, str]], here: Mapping[str, Mapping[str, str]], what: str
) -> None:
    """Stop where images here are others than those of a run.

    Args:
        recorded: the entries of sets of images in its record.
        here: those of the sets on this machine.
        what: what the message calls the run, with what to do.

    Raises:
        UserError: they are.
    """
    for name, entry in recorded.items():
        expected, found = entry.get("fingerprint"), here.get(name, {}).get("fingerprint")
        if expected and found and expected != found:
            raise UserError(
                f"the images of {name!r} here are others than those of {what} (fingerprint "
                f"{found[:12]}, not {expected[:12]}); use the same data"
            )
