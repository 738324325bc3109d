"""Did you mean …? Suggestions for unknown fields and values, as JSON Patch where only one thing can be meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from apps.validation.schemas.fields import Fields
from apps.validation.violations import Violation, pointer_to

_SURE = 0.8
_MAYBE = 0.6


def camel(name: str) -> str:
    """`payload_schema` → `payloadSchema`."""
    return re.sub(r"[_-]+([a-zA-Z0-9])", lambda match: match[1].upper(), name)


def unknown_field(name: str, instance: dict[str, Any], fields: Fields, title: str, pointer: str) -> Violation:
    """A field that the schema does not know, with the name that was probably meant."""
    here = pointer + pointer_to(name)
    message = f"{title} has no field `{name}`."
    free = [known for known in fields.names if known not in instance]
    certain = _certain(name, fields, free)
    if certain is not None:
        fix = [{"op": "move", "from": here, "path": pointer + pointer_to(certain)}]
        return Violation("unknown-field", message, here, hint=f"Did you mean `{certain}`?", fix=fix)
    close = get_close_matches(name.lower(), [known.lower() for known in free], n=3, cutoff=_MAYBE)
    if close:
        meant = [known for known in free if known.lower() in close]
        return Violation("unknown-field", message, here, hint="Did you mean " + _or(meant) + "?")
    hint = "Known fields: " + ", ".join(sorted(fields.names)) + "." if len(fields.names) <= 40 else ""
    return Violation("unknown-field", message, here, hint=hint)


def _certain(name: str, fields: Fields, free: Sequence[str]) -> str | None:
    """The one field that can only be meant: a known other name, another spelling, or one clearly closest name."""
    for candidate in (fields.renamed.get(name), camel(name)):
        if candidate in free:
            return candidate
    same = [known for known in free if known.lower() == name.lower().replace("_", "").replace("-", "")]
    if len(same) == 1:
        return same[0]
    return _clearly_closest(name, free)


def _clearly_closest(word: str, choices: Iterable[str]) -> str | None:
    scored = sorted(((SequenceMatcher(None, word, choice).ratio(), choice) for choice in choices), reverse=True)
    if not scored or scored[0][0] < _SURE:
        return None
    if len(scored) > 1 and scored[0][0] - scored[1][0] < 0.05:
        return None
    return scored[0][1]


def wrong_choice(value: Any, choices: Sequence[Any], pointer: str) -> Violation:
    """A value that is not among the allowed ones."""
    texts = [choice for choice in choices if isinstance(choice, str)]
    fix = None
    hint = ""
    if isinstance(value, str):
        same = [text for text in texts if text.lower() == value.lower()]
        meant = same[0] if len(same) == 1 else _clearly_closest(value.upper(), [text.upper() for text in texts])
        meant = next((text for text in texts if meant and text.upper() == meant.upper()), None)
        if meant is not None:
            hint, fix = f"Did you mean `{meant}`?", [{"op": "replace", "path": pointer, "value": meant}]
    if len(choices) == 1:
        message = f"This must be {shown(choices[0])}, not {shown(value)}."
    else:
        listed = ", ".join(str(choice) for choice in choices[:20]) + (" …" if len(choices) > 20 else "")
        message = f"{shown(value)} is not one of {listed}."
    expected = " | ".join(str(choice) for choice in choices[:20])
    return Violation("choice", message, pointer, hint=hint, fix=fix, expected=expected, found=shown(value))


def shown(value: Any) -> str:
    """A value as JSON, cut to sixty characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def _or(names: Sequence[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)
