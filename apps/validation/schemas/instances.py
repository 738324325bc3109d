"""Data against an author's schema: yes or no on the hot path, explanations where people need them.

Schemas are taken as immutable: a compiled validator is remembered for the object it was given, and for its content.
"""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from typing import Any

import jsonschema_rs

from apps.validation.problems import Unprocessable
from apps.validation.schemas.explain import explain
from apps.validation.schemas.formats import CHECKER, for_fast_validator
from apps.validation.schemas.linear import PATTERNS, SafeValidator
from apps.validation.violations import Violation, in_order

_REMEMBERED = 4096
_by_identity: dict[int, tuple[Any, Any]] = {}
_lock = threading.Lock()


@lru_cache(maxsize=_REMEMBERED)
def _compile(content: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        json.loads(content),
        formats=for_fast_validator(),
        validate_formats=True,
        ignore_unknown_formats=True,
        pattern_options=PATTERNS,
        offline=True,
    )


def _fast(schema: Any) -> Any:
    known = _by_identity.get(id(schema))
    # The entry keeps the schema alive, so its id cannot be given to another object meanwhile.
    if known is not None and known[0] is schema:
        return known[1]
    validator = _compile(json.dumps(schema, sort_keys=True))
    with _lock:
        if len(_by_identity) >= _REMEMBERED:
            _by_identity.clear()
        _by_identity[id(schema)] = (schema, validator)
    return validator


def is_valid(schema: Any, data: Any) -> bool:
    """Whether data fits a schema that `check_schema` has passed. About a microsecond; compiled once."""
    return bool(_fast(schema).is_valid(data))


def check_instance(schema: Any, data: Any, pointer: str = "") -> list[Violation]:
    """What is wrong with data, in words, with pointers below `pointer`; empty when it fits."""
    if is_valid(schema, data):
        return []
    try:
        found = explain(SafeValidator(schema, format_checker=CHECKER).iter_errors(data))
    except RecursionError:
        found = [Violation("too-deep", "The data is nested too deeply.")]
    if not found:
        # The two validators differ in a corner; the strict one decides.
        found = [Violation("invalid", error.message) for error in _fast(schema).iter_errors(data)]
    return [violation.under(pointer) for violation in in_order(found)]


def conform(schema: Any, data: Any, pointer: str = "") -> None:
    """Raise Unprocessable, with every violation, unless data fits the schema."""
    violations = check_instance(schema, data, pointer)
    if violations:
        raise Unprocessable(violations=violations)
