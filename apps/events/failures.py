"""What a subscriber's failure means: tried again, or a dead letter; and how it is written down."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

import psycopg.errors
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError

from apps.validation.problems import Problem, TooManyRequests, Unavailable

from .subscribers import Permanent, Transient

TRANSIENT, PERMANENT = "TRANSIENT", "PERMANENT"

LONGEST_MESSAGE = 2_000
LONGEST_TRACE = 8_000

_AGAIN = (
    psycopg.errors.TransactionRollback,  # deadlock, serialization failure
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.InsufficientResources,
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure in the form of a dead letter's ``error``; ``type`` says whether another attempt makes sense."""

    type: str
    code: str
    message: str
    context: Any = None
    stack_trace: str | None = None
    retry_after: float | None = None
    max_retries: int | None = None
    """Where the subscriber has a number of its own."""

    def as_json(self) -> dict[str, Any]:
        return {
            "message": self.message,
            "type": self.type,
            "code": self.code,
            "stackTrace": self.stack_trace,
            "context": self.context,
        }


def trouble_of(error: Exception) -> Trouble:
    """What an exception that a subscriber raised comes down to."""
    message = _storable(str(error).strip() or type(error).__name__)[:LONGEST_MESSAGE]
    match error:
        case Transient():
            return Trouble(
                TRANSIENT,
                error.code,
                message,
                error.details,
                retry_after=error.retry_after,
                max_retries=error.max_retries,
            )
        case Permanent():
            return Trouble(PERMANENT, error.code, message, error.details)
        case TooManyRequests():
            return Trouble(TRANSIENT, error.code, message, retry_after=error.retry_after)
        case Unavailable():
            return Trouble(TRANSIENT, error.code, message)
        case Problem():
            context = {"violations": [violation.as_json() for violation in error.violations]}
            return Trouble(PERMANENT, error.code, message, context if error.violations else None)
        case PermissionDenied():
            return Trouble(PERMANENT, "ACCESS_DENIED", message)
    if isinstance(error, DatabaseError) and isinstance(error.__cause__, _AGAIN):
        return Trouble(TRANSIENT, "DATABASE_BUSY", message)
    if isinstance(error, TimeoutError):
        return Trouble(TRANSIENT, "TIMEOUT", message)
    trace = _storable("".join(traceback.format_exception(error)))[-LONGEST_TRACE:]
    return Trouble(PERMANENT, "DEFECT", f"{type(error).__name__}: {message}"[:LONGEST_MESSAGE], stack_trace=trace)


def connection_is_lost(error: Exception) -> bool:
    """Whether nothing can be said about the subscriber, because the database went away under it."""
    return isinstance(error, OperationalError | InterfaceError) and not isinstance(error.__cause__, _AGAIN)


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
