"""What came back: status, headers in lower case, the body whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from .errors import BadResponse


@dataclass(frozen=True, slots=True)
class Response:
    """`headers`: lower-case name → value (repeated ones joined with ", "); `body` decompressed; `url` after redirects."""

    status: int
    headers: dict[str, str]
    body: bytes
    url: str

    @property
    def content_type(self) -> str:
        """The media type without parameters, lower case; empty if the other side sent none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        """Whether the media type says JSON (`application/json`, `application/problem+json`, …)."""
        kind = self.content_type
        return kind == "application/json" or kind.endswith("+json")

    def json(self) -> Any:
        """The body as JSON. Raises BadResponse when it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise BadResponse("the answer is not valid JSON", status=self.status) from error

    def text(self) -> str:
        """The body as text in the charset the other side named, else UTF-8; undecodable bytes replaced."""
        charset = "utf-8"
        for parameter in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                charset = value.strip().strip('"')
        try:
            return self.body.decode(charset, errors="replace")
        except LookupError:
            return self.body.decode("utf-8", errors="replace")
