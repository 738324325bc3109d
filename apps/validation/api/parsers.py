"""Reading request bodies: strict JSON, bounded, uncompressed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from apps.validation import strict_json
from apps.validation.problems import PayloadTooLarge, UnsupportedContent

_CHUNK = 64 * 1024


class StrictJSONParser(BaseParser):
    """`application/json` by `strict_json`. 413 over AUGMENTED_MAX_BODY bytes, 415 for a compressed body or another charset."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        headers = getattr((parser_context or {}).get("request"), "headers", {})
        encoding = headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise UnsupportedContent(f"A body with Content-Encoding {encoding} is not read; send it uncompressed.")
        charset = _charset(media_type or "")
        if charset not in ("", "utf-8", "utf8", "us-ascii"):
            raise UnsupportedContent(f"The charset {charset} is not read; JSON is UTF-8.")
        return strict_json.loads(read_body(stream, headers.get("Content-Length", ""), settings.AUGMENTED_MAX_BODY))


def _charset(media_type: str) -> str:
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def read_body(stream: IO[Any], declared: str, limit: int) -> bytes:
    """The body, read no further than the limit: a declared length may lie."""
    if declared.isdigit() and int(declared) > limit:
        raise PayloadTooLarge(f"The body has {declared} bytes; {limit} are read at most.")
    pieces: list[bytes] = []
    total = 0
    while chunk := stream.read(min(_CHUNK, limit + 1 - total)):
        pieces.append(chunk)
        total += len(chunk)
        if total > limit:
            raise PayloadTooLarge(f"The body has more than {limit} bytes.")
    return b"".join(pieces)
