"""Endpoint templates: `https://host/orders/${input.orderId}?page=${input.page}`.

What an expression yields is encoded for the place it stands in, so that data can never change the shape of the URL:
in the path and the query everything but unreserved characters is percent-encoded, in the host only a host may stand.
Only an expression at the very beginning (`${input.baseUrl}/orders`) is taken as it is; the outgoing client judges it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from apps.validation.expressions import Expression, compile_expression
from apps.validation.expressions.templates import split

Zone = Literal["base", "host", "path", "query"]
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(?::[0-9]{1,5})?")
_IN_AUTHORITY = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)


class EndpointError(Exception):
    """A value that cannot stand where the endpoint puts it."""


@dataclass(frozen=True, slots=True)
class Hole:
    """An expression in an endpoint and where it stands."""

    zone: Zone
    expression: Expression


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A compiled endpoint: literal text and holes, in order."""

    parts: tuple[str | Hole, ...]

    def url(self, context: Mapping[str, Any]) -> str:
        """The URL for this context. Raises EvaluationError or EndpointError."""
        return "".join(
            part if isinstance(part, str) else _encode(part, part.expression.evaluate(context)) for part in self.parts
        )


def compile_endpoint(text: str, *, roots: frozenset[str]) -> Endpoint:
    """Raises ExpressionError for an expression that does not compile or is not closed."""
    parts: list[str | Hole] = []
    before = ""
    for piece in split(text):
        if isinstance(piece, str):
            parts.append(piece)
            before += piece
            continue
        # Blanks before it keep the columns of errors those of the whole endpoint.
        bare = " " * piece.start + text[piece.start : piece.end]
        parts.append(Hole(_zone(before), compile_expression(bare, roots=roots)))
        # What follows `${base}` is behind a host; any letter stands for "something was here".
        before = before + "x" if before else "https://x/"
    return Endpoint(tuple(parts))


def _zone(before: str) -> Zone:
    if not before:
        return "base"
    if _IN_AUTHORITY.fullmatch(before):
        return "host"
    return "query" if "?" in before else "path"


def _encode(hole: Hole, value: Any) -> str:
    text = _text(value)
    if hole.zone == "base":
        return text
    if hole.zone == "host":
        if not _HOST.fullmatch(text):
            raise EndpointError(f"{text[:100]!r} is not a host name and cannot stand in the endpoint's host")
        return text
    if hole.zone == "path" and text in ("", ".", ".."):
        raise EndpointError(f"{text!r} cannot be a path segment: it would make this another endpoint")
    return quote(text, safe="")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    kind = "null" if value is None else "an object" if isinstance(value, dict) else "a list"
    raise EndpointError(f"{kind} cannot stand in a URL; texts, numbers and booleans can")
