"""CloudEvents 1.0 (https://github.com/cloudevents/spec), JSON and HTTP: as the platform's own events, and the other way.

``id`` is the eventId, ``type`` the pattern, ``source`` the source's name, ``time`` the timestamp, ``data`` the payload. What
has no place of its own (``subject``, ``dataschema``, extension attributes) is kept under ``metadata.cloudEvent``, so that an
event goes out as it came in. The extensions ``correlationid``, ``causationid`` and ``traceid`` are those of the metadata.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from apps.validation.violations import Violation

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
PREFIX = "ce-"

_NAME = re.compile(r"[a-z0-9]{1,20}")
_REQUIRED = ("id", "source", "type", "specversion")
_OURS = {"correlationid": "correlationId", "causationid": "causationId", "traceid": "traceId"}
_CORE = frozenset({*_REQUIRED, "time", "data", "data_base64", "datacontenttype"})


def problems(event: Any) -> list[Violation]:
    """What makes this no CloudEvent."""
    if not isinstance(event, Mapping):
        return [Violation("type", "A CloudEvent is an object.")]
    found = [
        Violation("required", f"A CloudEvent has {name}.", f"/{name}")
        for name in _REQUIRED
        if not isinstance(event.get(name), str) or not event[name]
    ]
    if "specversion" in event and event["specversion"] != "1.0":
        found.append(Violation("specversion", "Only CloudEvents 1.0 are read.", "/specversion"))
    if "data" in event and "data_base64" in event:
        found.append(Violation("data", "data and data_base64 exclude each other.", "/data_base64"))
    if "data_base64" in event and _decoded(event["data_base64"]) is None:
        found.append(Violation("base64", "This is not base64.", "/data_base64"))
    for name, value in event.items():
        if name in ("data", "data_base64"):
            continue
        if not _NAME.fullmatch(name):
            message = "Names of attributes are small letters and digits, 20 at most."
            found.append(Violation("attribute-name", message, f"/{name}"))
        elif not isinstance(value, str | int | bool) and value is not None:
            found.append(Violation("type", "An attribute is a text, a number or true or false.", f"/{name}"))
    return found


def to_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """A CloudEvent without ``problems`` as schemas/eventInstance.json has it."""
    metadata: dict[str, Any] = {ours: str(event[name]) for name, ours in _OURS.items() if event.get(name) is not None}
    kept = {
        name: value for name, value in event.items() if name not in _CORE and name not in _OURS and value is not None
    }
    if kept or event.get("datacontenttype") or "data_base64" in event:
        metadata["cloudEvent"] = kept
        if event.get("datacontenttype"):
            metadata["cloudEvent"]["datacontenttype"] = event["datacontenttype"]
    found = {
        "eventId": event["id"],
        "pattern": event["type"],
        "source": {"type": "external", "id": event["source"], "name": event["source"]},
        "payload": event["data_base64"] if "data_base64" in event else event.get("data"),
        "metadata": metadata,
    }
    if event.get("time"):
        found["timestamp"] = event["time"]
    return found


def from_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as schemas/eventInstance.json has it, as a CloudEvent."""
    source, metadata = event.get("source") or {}, event.get("metadata") or {}
    kept = metadata.get("cloudEvent") or {}
    named = source.get("name") or source.get("id") or ""
    found = {
        "specversion": "1.0",
        "id": event["eventId"],
        "type": event["pattern"],
        "source": named
        if source.get("type") == "external" and named
        else f"/{source.get('type', 'system')}/{quote(named, safe='')}",
        "time": event.get("timestamp"),
        "datacontenttype": "application/json",
        **{name: metadata[ours] for name, ours in _OURS.items() if metadata.get(ours) is not None},
        **kept,
        "data": event.get("payload"),
    }
    return {name: value for name, value in found.items() if value is not None or name == "data"}


def from_headers(headers: Mapping[str, str], data: Any) -> dict[str, Any]:
    """A CloudEvent in binary mode: its attributes are headers (``ce-…``), its data is the body."""
    found: dict[str, Any] = {
        name.lower().removeprefix(PREFIX): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith(PREFIX)
    }
    if content_type := headers.get("Content-Type") or headers.get("content-type"):
        found["datacontenttype"] = content_type
    return found | {"data": data}


def _decoded(text: Any) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return None
