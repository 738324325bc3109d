"""The query parameters of lists. What cannot be read is an error, never an empty list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from django.http import QueryDict

from apps.validation.problems import BadInput
from apps.validation.violations import Violation

T = TypeVar("T")

MAX_SEARCH = 200


def one_of(name: str, given: str, values: Mapping[str, T]) -> T:
    """What `given` stands for. BadInput when it is none of `values`."""
    if given not in values:
        allowed = ", ".join(values)
        raise BadInput(
            f"{name} is one of {allowed}.",
            violations=[Violation("bad-parameter", f"{given[:100]!r} is none of {allowed}.", f"/{name}")],
        )
    return values[given]


def text(parameters: QueryDict, name: str) -> str:
    """A free text, empty when it is not given. BadInput for one that is too long or holds NUL."""
    given = parameters.get(name, "").strip()
    if "\x00" in given or len(given) > MAX_SEARCH:
        raise BadInput(f"{name} has at most {MAX_SEARCH} characters and no NUL.")
    return given
