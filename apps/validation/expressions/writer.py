"""Writes CEL text piece by piece and remembers which column of the author's text each piece came from."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right

from apps.validation.expressions.syntax import Literal

_PLAIN_FIELD = re.compile(r"(?!(?:in|true|false|null)\Z)[_a-zA-Z][_a-zA-Z0-9]*\Z", re.ASCII)


class Writer:
    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._offsets: list[int] = [0]
        self._columns: list[int] = [1]

    def put(self, text: str, column: int | None = None) -> None:
        """Append text; `column` says where the author wrote what it stands for."""
        if column is not None:
            self._offsets.append(self._length)
            self._columns.append(column)
        self._pieces.append(text)
        self._length += len(text)

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def column_of(self, offset: int) -> int:
        """The author's column for a 0-based offset in `text`."""
        return self._columns[max(0, bisect_right(self._offsets, offset) - 1)]


def field_text(name: str) -> str:
    """A field name as it is written after a dot."""
    return name if _PLAIN_FIELD.match(name) else f"`{name}`"


def literal_text(literal: Literal) -> str:
    """A literal as CEL text that means exactly the same."""
    value = literal.value
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value}u" if literal.unsigned else _signed(str(value))
        case float():
            if not math.isfinite(value):
                raise ValueError("not a number that CEL text can hold")
            return _signed(repr(value))
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case bytes():
            return "b'" + "".join(f"\\x{byte:02x}" for byte in value) + "'"


def _signed(digits: str) -> str:
    return f"({digits})" if digits.startswith("-") else digits
