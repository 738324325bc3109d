"""Spellings of other languages in an expression, replaced word by word; texts in quotes are left as they are.

`===`, `and`, `None`, `items.some(x => x.open)`, `Math.max(a, b)`, `order?.total`, `a ?? b`. What `?.` and `??` mean
depends on what stands around them, so they are only marked here and :mod:`.meaning` decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .names import Names

_TOKEN = re.compile(
    r"""
    (?P<string>[rRbB]{0,2}(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'))
  | (?P<quoted>`[a-zA-Z0-9_.\-/ ]+`)
  | (?P<number>\d[\w]*(?:\.\d\w*)?)
  | (?P<ident>[_a-zA-Z][_a-zA-Z0-9]*)
  | (?P<op>===|!==|==|!=|<=|>=|=>|&&|\|\||\?\?|\?\.(?!\d)|.)
    """,
    re.VERBOSE | re.ASCII,
)
_WORDS = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "True": "true",
    "False": "false",
    "None": "null",
    "undefined": "null",
    "nil": "null",
}
_METHODS = {
    "toUpperCase": "upperAscii",
    "toLowerCase": "lowerAscii",
    "upper": "upperAscii",
    "lower": "lowerAscii",
    "includes": "contains",
    "startswith": "startsWith",
    "endswith": "endsWith",
}
_ARROW_METHODS = {"some": "exists", "every": "all", "filter": "filter", "map": "map", "any": "exists", "all": "all", "exists": "exists"}  # fmt: skip
_MATH = {"max": "greatest", "min": "least", "round": "round", "floor": "floor", "ceil": "ceil", "abs": "abs", "trunc": "trunc", "sqrt": "sqrt"}  # fmt: skip
_FUNCTIONS = {"String": "string", "Number": "double", "parseFloat": "double", "parseInt": "int", "Boolean": "bool"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(slots=True)
class Respelled:
    """The text, and the columns in it of what was `??` and of the fields behind `?.`."""

    text: str
    coalescing: set[int] = field(default_factory=set)
    optional: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def tokenize(text: str) -> list[Token]:
    """Everything but blanks. Any text has tokens; whether they make sense is for the parser."""
    return [
        Token(str(match.lastgroup), match[0], match.start())
        for match in _TOKEN.finditer(text)
        if not match[0].isspace()
    ]


def respell(text: str, names: Names) -> Respelled:
    """The text with every word in our spelling."""
    return _Speller(text, names).run()


class _Speller:
    def __init__(self, text: str, names: Names) -> None:
        self.text, self.names = text, names
        self.tokens = tokenize(text)
        self.done = Respelled("")
        self.pieces: list[str] = []
        self.length = 0
        self.copied = 0

    def run(self) -> Respelled:
        position = 0
        while position < len(self.tokens):
            position += self._take(position)
        self._put_until(len(self.text))
        self.done.text = "".join(self.pieces)
        return self.done

    def at(self, position: int) -> Token:
        if 0 <= position < len(self.tokens):
            return self.tokens[position]
        return Token("end", "", len(self.text))

    def _put_until(self, end: int) -> None:
        piece = self.text[self.copied : end]
        self.pieces.append(piece)
        self.length += len(piece)
        self.copied = end

    def replace(self, start: int, end: int, new: str, note: str = "") -> None:
        self._put_until(start)
        self.pieces.append(new)
        self.length += len(new)
        self.copied = end
        if note and note not in self.done.notes:
            self.done.notes.append(note)

    def _take(self, position: int) -> int:
        """Deal with the token at this position; gives how many were used."""
        token, before, after = self.at(position), self.at(position - 1), self.at(position + 1)
        behind_dot = before.text in (".", "?.")
        match token.text:
            case "===" | "!==":
                self.replace(token.start, token.end, token.text[:2], f"`{token.text}` is written `{token.text[:2]}`.")
            case "??":
                self._put_until(token.start)
                self.done.coalescing.add(self.length + 1)
                self.replace(token.start, token.end, "||")
            case "?.":
                if after.text == "[":
                    self.replace(token.start, after.end, "[?", "`a?.[b]` is written `a[?b]`.")
                    return 2
                self.replace(token.start, token.end, ".?")
                self.done.optional.add(self.length + 1)
            case "$" if after.text == "." and not behind_dot and self.at(position + 2).kind == "ident":
                self.replace(token.start, after.end, "", "A path begins with its root, without `$.`.")
                return 2
            case text if token.kind == "ident" and behind_dot:
                return self._member(position, text)
            case text if token.kind == "ident":
                return self._word(position, text)
        return 1

    def _word(self, position: int, text: str) -> int:
        token, after = self.at(position), self.at(position + 1)
        call = after.text == "("
        if text in _WORDS and not (text == "not" and after.text == "in") and not (call and text == "nil"):
            glue = "" if text == "not" and after.start > token.end and not call else None
            end = after.start if glue == "" else token.end
            self.replace(token.start, end, _WORDS[text], f"`{text}` is written `{_WORDS[text]}`.")
        elif text == "Math" and after.text == "." and self.at(position + 2).text in _MATH:
            function = self.at(position + 2)
            new = f"math.{_MATH[function.text]}"
            self.replace(token.start, function.end, new, f"`Math.{function.text}` is written `{new}`.")
            return 3
        elif call and text in _FUNCTIONS:
            self.replace(token.start, token.end, _FUNCTIONS[text], f"`{text}()` is written `{_FUNCTIONS[text]}()`.")
        elif text == "steps":
            return self._step(position)
        return 1

    def _member(self, position: int, text: str) -> int:
        token = self.at(position)
        if text == "steps":
            return self._step(position)
        if self.at(position + 1).text != "(":
            return 1
        if (arrow := self._arrow(position + 2)) is not None and text in _ARROW_METHODS:
            variable, used = arrow
            new = _ARROW_METHODS[text]
            opening = self.at(position + 1)
            self.replace(token.start, token.end, new)
            last = self.at(position + 1 + used)
            self.replace(opening.end, last.end, f"{variable},", f"`.{text}(x => …)` is written `.{new}(x, …)`.")
            return 2 + used
        if text in _METHODS:
            new = _METHODS[text]
            self.replace(token.start, token.end, new, f"`.{text}()` is written `.{new}()`.")
        return 1

    def _arrow(self, position: int) -> tuple[str, int] | None:
        """The variable of `x =>` or `(x) =>` that begins here, and how many tokens that is."""
        if self.at(position).kind == "ident" and self.at(position + 1).text == "=>":
            return self.at(position).text, 2
        inside = [self.at(position + offset) for offset in range(4)]
        if [inside[0].text, inside[2].text, inside[3].text] == ["(", ")", "=>"] and inside[1].kind == "ident":
            return inside[1].text, 4
        return None

    def _step(self, position: int) -> int:
        """`steps.<id>`: an id with a hyphen or one that was changed is written as a key."""
        dot, first = self.at(position + 1), self.at(position + 2)
        if dot.text == "[" and first.kind == "string" and self.at(position + 3).text == "]":
            given = first.text[1:-1]
            new = self.names.steps.get(given, given)
            if new != given:
                self.replace(first.start, first.end, f"'{new}'", f"The step {given!r} is now {new!r}.")
            return 3
        if dot.text not in (".", "?.") or first.kind != "ident":
            return 1
        last, end = position + 2, position + 2
        given = first.text
        while self.at(end + 1).text == "-" and self.at(end + 1).start == self.at(end).end:
            part = self.at(end + 2)
            if part.kind not in ("ident", "number") or part.start != self.at(end + 1).end:
                break
            end += 2
            longer = self.text[first.start : part.end]
            if longer in self.names.steps:
                given, last = longer, end
        new = self.names.steps.get(given, given)
        if given == new and last == position + 2:
            return 1
        written = f".{new}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", new) else f"['{new}']"
        note = f"The step {given!r} is now {new!r}." if new != given else f"A name with a hyphen is written ['{new}']."
        self.replace(dot.start, self.at(last).end, written, note)
        return last - position + 1
