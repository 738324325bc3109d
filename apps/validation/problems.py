"""What services raise when they cannot do what was asked: RFC 9457 problems, free of any web framework.

`apps.validation.api.problems` renders them; jobs and the command line read `detail` and `violations`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.validation.violations import Violation


class Problem(Exception):
    """A refusal with an HTTP status, a stable slug (`code`), a title and a sentence for people (`detail`)."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad request"
    default_code: ClassVar[str] = "bad-request"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        violations: Sequence[Violation] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        self.code = code or self.default_code
        self.detail = detail or _summary(violations) or self.title
        self.violations = list(violations)
        self.headers = headers or {}
        super().__init__(self.detail)


def _summary(violations: Sequence[Violation]) -> str:
    """One sentence for a list of findings: the first one, and how many more there are."""
    if not violations:
        return ""
    more = len(violations) - 1
    return violations[0].message + (f" (and {more} more)" if more else "")


class BadInput(Problem):
    """The request itself cannot be read: broken JSON, a bad cursor, a missing parameter."""

    status = 400
    title = "Bad request"
    default_code = "bad-input"


class NotFound(Problem):
    """There is no such thing, or the caller may not know about it."""

    status = 404
    title = "Not found"
    default_code = "not-found"


class Conflict(Problem):
    """The state no longer allows it."""

    status = 409
    title = "Conflict"
    default_code = "conflict"


class StaleVersion(Problem):
    """The caller's If-Match names a version that is no longer the current one."""

    status = 412
    title = "Changed in the meantime"
    default_code = "stale-version"


class PayloadTooLarge(Problem):
    """The body is larger than this server takes."""

    status = 413
    title = "Payload too large"
    default_code = "payload-too-large"


class UnsupportedContent(Problem):
    """The body's content type or encoding is not one this server reads."""

    status = 415
    title = "Unsupported media type"
    default_code = "unsupported-media-type"


class Unprocessable(Problem):
    """The document parses but is wrong; `violations` say where."""

    status = 422
    title = "The document has errors"
    default_code = "unprocessable"


class TooManyRequests(Problem):
    """A limit was reached; `retry_after` is in seconds."""

    status = 429
    title = "Too many requests"
    default_code = "too-many-requests"

    def __init__(self, detail: str = "", *, retry_after: int = 1, code: str | None = None) -> None:
        self.retry_after = max(1, retry_after)
        super().__init__(detail, code=code, headers={"Retry-After": str(self.retry_after)})


class Unavailable(Problem):
    """Something that this server needs is away for a moment; nothing is known about what became of the request."""

    status = 503
    title = "Not available right now"
    default_code = "unavailable"
