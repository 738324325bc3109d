"""ETag and If-Match of versioned things: the tag is the version number in quotes."""

from __future__ import annotations

from rest_framework.request import Request

from apps.validation.problems import BadInput, StaleVersion


def etag(version: int | str) -> str:
    """The value of the ETag header."""
    return f'"{version}"'


def if_match(request: Request) -> int | None:
    """The version that the caller wants to change; None when it is whatever it is now.

    BadInput when the header is no tag; StaleVersion when it lists none that we ever give.
    """
    header = request.headers.get("If-Match", "").strip()
    if not header or header == "*":
        return None
    tags = [tag.strip() for tag in header.split(",")]
    if any(not tag.removeprefix("W/").startswith('"') or not tag.endswith('"') or len(tag) < 2 for tag in tags):
        raise BadInput('If-Match holds tags in quotes, such as "3", or *.')
    # A weak tag never matches in If-Match (RFC 9110), and more than one number cannot be what was read.
    numbers = [int(tag[1:-1]) for tag in tags if tag.startswith('"') and tag[1:-1].isascii() and tag[1:-1].isdigit()]
    if len(numbers) != 1 or numbers[0] >= 2**63:
        raise StaleVersion("If-Match names no version of this.")
    return numbers[0]


def require_match(request: Request, version: int) -> None:
    """Raise StaleVersion unless the caller's If-Match, if any, names this version."""
    wanted = if_match(request)
    if wanted is not None and wanted != version:
        raise StaleVersion(f"This is at version {version}; If-Match names {wanted}.")
