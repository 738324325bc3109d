"""What a call says, whatever its content type: JSON, forms, texts, binary; with or without a CloudEvent around it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from apps.events import cloudevents
from apps.validation import strict_json
from apps.validation.problems import BadInput, UnsupportedContent

from .delivery import Delivery

MOST_FIELDS = 1_000
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Content:
    """``payload``: the body as JSON; ``cloud_event``: the event that the sender made of it, as schemas/eventInstance.json."""

    payload: Any
    cloud_event: Mapping[str, Any] | None = None


def read(delivery: Delivery) -> Content:
    """The body. BadInput for what is not what its content type says, UnsupportedContent for what cannot be read."""
    encoding = delivery.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedContent("A compressed body is not read.")
    if delivery.content_type == cloudevents.BATCH:
        raise UnsupportedContent("A webhook takes one event with each call; batches go to /api/v1/events.")
    if delivery.content_type == cloudevents.STRUCTURED:
        return _cloud_event(strict_json.loads(delivery.body))
    payload = _payload(delivery)
    if "ce-specversion" in delivery.headers:
        return _cloud_event(cloudevents.from_headers(delivery.headers, payload))
    return Content(payload)


def fits(content_type: str, taken: list[str]) -> bool:
    """Whether a media type is one of those; ``text/*`` stands for all texts."""
    family = content_type.partition("/")[0] + "/*"
    return any(each in (content_type, family, "*/*") for each in taken)


def _cloud_event(event: Any) -> Content:
    if found := cloudevents.problems(event):
        raise BadInput("The CloudEvent cannot be read.", violations=found)
    document = cloudevents.to_event(event)
    return Content(document["payload"], document)


def _payload(delivery: Delivery) -> Any:
    kind = delivery.content_type
    if not delivery.body:
        return None
    for belongs, reader in _READERS:
        if belongs(kind):
            return reader(delivery)
    return {"contentType": kind or "application/octet-stream", "base64": base64.b64encode(delivery.body).decode()}


def _json(delivery: Delivery) -> Any:
    return strict_json.loads(delivery.body)


def _text(delivery: Delivery) -> str:
    charset = delivery.parameter("charset") or "utf-8"
    try:
        return _storable(delivery.body.decode(charset).removeprefix("\ufeff"))
    except LookupError as error:
        raise UnsupportedContent("The body's charset is not known.") from error
    except UnicodeError as error:
        raise BadInput("The body is not text in the charset that it names.") from error


def _form(delivery: Delivery) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            delivery.body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise BadInput("The body is not a form, or has too many fields.") from error
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(_storable(name), []).append(_storable(value))
    return _fields(found)


class _Weigh(FileUploadHandler):
    """Keeps of a file what it is called and how large it is; its content is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[str, dict[str, Any]]] = []
        self._size = 0

    def new_file(self, *arguments: Any, **named: Any) -> None:
        super().new_file(*arguments, **named)
        self._size = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._size += len(raw_data)

    def file_complete(self, file_size: int) -> None:
        about = {"filename": self.file_name or "", "contentType": self.content_type or "", "size": self._size}
        self.files.append((self.field_name or "file", about))


def _multipart(delivery: Delivery) -> dict[str, Any]:
    weigh = _Weigh()
    meta = {"CONTENT_TYPE": delivery.headers["content-type"], "CONTENT_LENGTH": str(len(delivery.body))}
    try:
        posted, _ = MultiPartParser(meta, BytesIO(delivery.body), [weigh], "utf-8").parse()
    except (MultiPartParserError, SuspiciousOperation, ValueError) as error:
        raise BadInput("The body is not a form, or has too many fields.") from error
    found: dict[str, list[Any]] = {
        _storable(name): [_storable(value) for value in posted.getlist(name)] for name in posted
    }
    for name, about in weigh.files:
        found.setdefault(_storable(name), []).append(
            {key: _storable(value) if isinstance(value, str) else value for key, value in about.items()}
        )
    return _fields(found)


def _fields(found: Mapping[str, list[Any]]) -> dict[str, Any]:
    """A field that came once is its value, one that came several times a list."""
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _storable(text: str) -> str:
    if "\x00" in text:
        raise BadInput("A text may not hold the character NUL.")
    return text


_Reader = Callable[[Delivery], Any]
_READERS: tuple[tuple[Callable[[str], bool], _Reader], ...] = (
    (lambda kind: kind == "application/json" or kind.endswith("+json"), _json),
    (lambda kind: kind == FORM, _form),
    (lambda kind: kind == MULTIPART, _multipart),
    (lambda kind: kind.startswith("text/") or kind == "application/xml" or kind.endswith("+xml"), _text),
)
