"""JSON as RFC 8259 means it, without what breaks later: every refusal says where.

Refused: nesting over 64 levels, NaN and infinities (also as 1e999), whole numbers beyond 64 bits, duplicate keys, NUL and
lone surrogates in texts, anything but UTF-8.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, NoReturn

from apps.validation.problems import BadInput
from apps.validation.violations import Violation, pointer_to

MAX_DEPTH = 64
_LEAST, _MOST = -(2**63), 2**64 - 1
_MAX_DIGITS = 20


@dataclass(frozen=True, slots=True)
class _Refused:
    """Stands in the parsed value for a number that is refused."""

    code: str
    message: str


class _Doubled(dict[str, Any]):
    """An object in which `key` came twice."""

    key = ""


class _Reader:
    """Hooks for json.loads that note whether anything needs a second look."""

    def __init__(self) -> None:
        self.suspect = False

    def integer(self, text: str) -> int | _Refused:
        if len(text) <= _MAX_DIGITS + 1:
            number = int(text)
            if _LEAST <= number <= _MOST:
                return number
        self.suspect = True
        return _Refused("number-range", "This whole number is beyond 64 bits; send it as a text.")

    def decimal(self, text: str) -> float | _Refused:
        number = float(text)
        if math.isfinite(number):
            return number
        self.suspect = True
        return _Refused("number-range", "This number is too large.")

    def constant(self, text: str) -> _Refused:
        self.suspect = True
        return _Refused("not-json", f"{text} is not JSON.")

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) == len(pairs):
            return result
        self.suspect = True
        doubled = _Doubled(result)
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                doubled.key = key
                break
            seen.add(key)
        return doubled


def loads(raw: bytes | str) -> Any:
    """Parse, or raise BadInput with one violation that points to the first thing refused."""
    text = _decode(raw)
    reader = _Reader()
    try:
        value = json.loads(
            text,
            parse_int=reader.integer,
            parse_float=reader.decimal,
            parse_constant=reader.constant,
            object_pairs_hook=reader.pairs,
        )
    except RecursionError:
        _refuse("too-deep", f"JSON may be nested {MAX_DEPTH} levels deep.", "")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        _refuse("not-json", f"This is not JSON: {error.msg} at {place}.", "")
    # Without an escape there can be no NUL (raw ones are refused) and, in valid UTF-8, no lone surrogate.
    if reader.suspect or "\\u" in text or text.count("[") + text.count("{") > MAX_DEPTH:
        _inspect(value)
    return value


def _decode(raw: bytes | str) -> str:
    if isinstance(raw, str):
        return raw
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse("not-utf-8", f"The body is not UTF-8 (byte {error.start + 1}).", "")


def _refuse(code: str, message: str, pointer: str) -> NoReturn:
    raise BadInput(code="bad-json", violations=[Violation(code, message, pointer)])


def _inspect(root: Any) -> None:
    """Walk the value in document order and refuse the first thing that may not be there."""
    pending: list[tuple[Any, tuple[str | int, ...]]] = [(root, ())]
    while pending:
        value, place = pending.pop()
        match value:
            case _Refused():
                _refuse(value.code, value.message, pointer_to(*place))
            case str():
                _check_text(value, place)
            case dict() | list():
                if len(place) >= MAX_DEPTH:
                    _refuse("too-deep", f"JSON may be nested {MAX_DEPTH} levels deep.", pointer_to(*place))
                if isinstance(value, _Doubled):
                    _refuse("duplicate-key", f"The key {value.key!r:.80} comes twice.", pointer_to(*place))
                pending.extend(reversed(_parts(value, place)))


def _parts(value: dict[str, Any] | list[Any], place: tuple[str | int, ...]) -> list[tuple[Any, tuple[str | int, ...]]]:
    if isinstance(value, list):
        return [(item, (*place, position)) for position, item in enumerate(value)]
    for key in value:
        _check_text(key, place)
    return [(item, (*place, key)) for key, item in value.items()]


def _check_text(text: str, place: tuple[str | int, ...]) -> None:
    if "\x00" in text:
        _refuse("nul-character", "A text may not hold the character NUL (\\u0000).", pointer_to(*place))
    # Only strange texts can have surrogates; isascii is a constant-time look at the string's kind.
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        _refuse("lone-surrogate", "A text holds half of a surrogate pair.", pointer_to(*place))
