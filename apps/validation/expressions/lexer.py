"""Expression text to tokens. CEL's tokens, plus `===` and `!==`, which become `==` and `!=`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from apps.validation.expressions.errors import ExpressionError

INT64_MAX = 2**63 - 1
UINT64_MAX = 2**64 - 1

_TOKEN = re.compile(
    r"""
    (?P<skip>[ \t\n\f\r]+|//[^\n]*)
  | (?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<int>(?:0[xX][0-9a-fA-F]+|\d+)[uU]?)
  | (?P<string>(?P<prefix>[rR][bB]?|[bB][rR]?)?(?P<quote>\"\"\"|'''|"|'))
  | (?P<ident>[_a-zA-Z][_a-zA-Z0-9]*)
  | `(?P<quoted>[a-zA-Z0-9_.\-/ ]+)`
  | (?P<op>===|!==|==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(
    r"\\(?:(?P<plain>[abfnrtv\\?\"'`])|[xX](?P<hex>[0-9a-fA-F]{2})|u(?P<u4>[0-9a-fA-F]{4})"
    r"|U(?P<u8>[0-9a-fA-F]{8})|(?P<octal>[0-3][0-7]{2})|(?P<bad>.|$))",
    re.DOTALL,
)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HINTS = {
    "=": "Compare with ==.",
    "&": "Write && for and.",
    "|": "Write || for or.",
    ";": "An expression is one value; there are no statements.",
    "$": "Only one ${ } may wrap an expression, and it stands around the whole of it.",
}


@dataclass(frozen=True, slots=True)
class Token:
    """kind: int, uint, double, string, bytes, ident, quoted (a backtick field name), op, end."""

    kind: str
    value: int | float | str | bytes
    column: int

    def is_op(self, *texts: str) -> bool:
        return self.kind == "op" and self.value in texts


def tokenize(text: str) -> list[Token]:
    """All tokens and a final `end`. Raises ExpressionError at the first character that fits nothing."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            shown = text[position]
            raise ExpressionError(
                "expression-syntax", f"Unexpected {shown!r}.", position + 1, hint=_HINTS.get(shown, "")
            )
        position = _take(match, text, tokens)
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


def _take(match: re.Match[str], text: str, tokens: list[Token]) -> int:
    """Append the matched token, if it is one, and return where the next begins."""
    column = match.start() + 1
    kind = match.lastgroup
    if match["string"] is not None:
        value, end = _string(text, match)
        tokens.append(Token("bytes" if isinstance(value, bytes) else "string", value, column))
        return end
    if kind == "int":
        tokens.append(_integer(match["int"], column))
    elif kind == "double":
        number = float(match["double"])
        if number in (float("inf"), float("-inf")):
            raise ExpressionError("expression-number", f"{match['double']} is too large for a number.", column)
        tokens.append(Token("double", number, column))
    elif kind == "ident":
        tokens.append(Token("ident", match["ident"], column))
    elif kind == "quoted":
        tokens.append(Token("quoted", match["quoted"], column))
    elif kind == "op":
        operator = {"===": "==", "!==": "!="}.get(match["op"], match["op"])
        tokens.append(Token("op", operator, column))
    return match.end()


def _integer(text: str, column: int) -> Token:
    unsigned = text[-1] in "uU"
    digits = text[:-1] if unsigned else text
    if len(digits) > 24:
        raise ExpressionError("expression-number", "This whole number is too large (64 bits at most).", column)
    value = int(digits, 16) if digits[:2] in ("0x", "0X") else int(digits)
    # One more than the largest: only valid as the operand of a minus, which the parser checks.
    if value > (UINT64_MAX if unsigned else INT64_MAX + 1):
        raise ExpressionError("expression-number", f"{digits} is too large for a whole number (64 bits).", column)
    return Token("uint" if unsigned else "int", value, column)


def _string(text: str, match: re.Match[str]) -> tuple[str | bytes, int]:
    column = match.start() + 1
    prefix = (match["prefix"] or "").lower()
    quote = match["quote"]
    end = _closing_quote(text, match.end(), quote, raw="r" in prefix)
    if end < 0:
        raise ExpressionError("expression-syntax", f"This text is not closed; {quote} is missing.", column)
    content = text[match.end() : end]
    as_bytes = "b" in prefix
    if "r" in prefix:
        return (content.encode() if as_bytes else content), end + len(quote)
    return _unescape(content, match.end() + 1, as_bytes=as_bytes), end + len(quote)


def _closing_quote(text: str, start: int, quote: str, *, raw: bool) -> int:
    position = start
    while position < len(text):
        if text.startswith(quote, position):
            return position
        if text[position] == "\n" and len(quote) == 1:
            return -1
        position += 2 if text[position] == "\\" and not raw else 1
    return -1


def _unescape(content: str, column: int, *, as_bytes: bool) -> str | bytes:
    pieces: list[bytes] = []
    position = 0
    for match in _ESCAPE.finditer(content):
        pieces.append(content[position : match.start()].encode())
        pieces.append(_escaped(match, column + match.start(), as_bytes=as_bytes))
        position = match.end()
    pieces.append(content[position:].encode())
    joined = b"".join(pieces)
    return joined if as_bytes else joined.decode()


def _escaped(match: re.Match[str], column: int, *, as_bytes: bool) -> bytes:
    if (plain := match["plain"]) is not None:
        return _PLAIN.get(plain, plain).encode()
    if match["bad"] is not None:
        raise ExpressionError("expression-syntax", f"Unknown escape {match[0]!r} in a text.", column)
    number = match["hex"] or match["u4"] or match["u8"]
    code = int(number, 16) if number else int(match["octal"], 8)
    if as_bytes and (match["hex"] or match["octal"]):
        return bytes([code])
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or code == 0:
        raise ExpressionError("expression-syntax", f"{match[0]} is not a character.", column)
    return chr(code).encode()
