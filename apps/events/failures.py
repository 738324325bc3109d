"""What a subscriber's failure means: tried again, or a dead letter; and how it is written down."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError

from apps.validation.problems import Problem, TooManyRequests, Unavailable

from .sql import as_rows
from .subscribers import Permanent, Transient

TRANSIENT, PERMANENT = "TRANSIENT", "PERMANENT"

LONGEST_MESSAGE = 2_000
LONGEST_TRACE = 8_000

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # and no text in which somebody has written it out
_ROLLED_BACK = "40"  # the class of SQLSTATEs: deadlock, serialization failure
_BUSY = frozenset(
    {"53100", "53200", "53400", "55P03", "57014"}
)  # no room, a lock not available, a statement out of time


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
            return Trouble(PERMANENT, error.code, message, _storable_json(error.details))
        case TooManyRequests():
            return Trouble(TRANSIENT, error.code, message, retry_after=error.retry_after)
        case Unavailable():
            return Trouble(TRANSIENT, error.code, message)
        case Problem():
            context = {"violations": [violation.as_json() for violation in error.violations]}
            return Trouble(PERMANENT, error.code, message, _storable_json(context) if error.violations else None)
        case PermissionDenied():
            return Trouble(PERMANENT, "ACCESS_DENIED", message)
    if says_again(error):
        return Trouble(TRANSIENT, "DATABASE_BUSY", message)
    if connection_is_lost(error):
        return Trouble(TRANSIENT, "DATABASE_AWAY", message)
    if isinstance(error, TimeoutError):
        return Trouble(TRANSIENT, "TIMEOUT", message)
    trace = _storable("".join(traceback.format_exception(error)))[-LONGEST_TRACE:]
    return Trouble(PERMANENT, "DEFECT", f"{type(error).__name__}: {message}"[:LONGEST_MESSAGE], stack_trace=trace)


def says_again(error: Exception) -> bool:
    """Whether Postgres refused something that it may do the next time; the connection is as good as before."""
    code = getattr(error.__cause__, "sqlstate", None) or ""
    return isinstance(error, DatabaseError) and (code.startswith(_ROLLED_BACK) or code in _BUSY)


def connection_is_lost(error: Exception) -> bool:
    """Whether nothing can be said about the subscriber, because the database went away under it."""
    return isinstance(error, OperationalError | InterfaceError) and not says_again(error)


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _storable_json(value: Any) -> Any:
    """The value, or None where Postgres would not keep it: what is wrong must be written down in any case."""
    return None if value is None or why_not_storable(value) else value


def why_not_storable(value: Any) -> str:
    """Why a value cannot be kept as JSON; empty when it can."""
    try:
        text = as_rows(value)
    except (TypeError, ValueError, RecursionError) as error:  # orjson's errors are TypeErrors
        return str(error)
    return "it holds a NUL character" if "\\u0000" in text and _NUL.search(text) else ""
