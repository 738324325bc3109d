"""Reading what the caller sent: the few checks that every service makes before it works."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any


class InvalidRequest(Exception):
    """The body lacks something or holds the wrong type; becomes 400 with `{code, message, field}`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a service: its JSON body, how often this key was tried before, and a stable name for ids."""

    body: dict[str, Any]
    attempt: int
    identity: str

    def text(self, field: str) -> str:
        """A required, non-empty string."""
        value = self.body.get(field)
        if not isinstance(value, str) or not value.strip():
            raise InvalidRequest(field, f"{field} must be a non-empty text")
        return value

    def number(self, field: str) -> float:
        """A required number; booleans are not numbers."""
        value = self.body.get(field)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidRequest(field, f"{field} must be a number")
        return value

    def records(self, field: str) -> list[dict[str, Any]]:
        """A required list of objects; it may be empty."""
        value = self.body.get(field)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise InvalidRequest(field, f"{field} must be a list of objects")
        return value

    def record(self, field: str) -> dict[str, Any]:
        """A required object."""
        value = self.body.get(field)
        if not isinstance(value, dict):
            raise InvalidRequest(field, f"{field} must be an object")
        return value

    def new_id(self, prefix: str) -> str:
        """An id that is the same for the same idempotency key, like `PAY-3F9A01C2`."""
        return f"{prefix}-{hashlib.sha256(self.identity.encode()).hexdigest()[:8].upper()}"
