"""A call as it came in, and why one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call. ``headers``: by their names in small letters; ``body``: the bytes as they came."""

    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    address: str = ""
    trace_id: str = ""

    @property
    def content_type(self) -> str:
        """The media type in small letters, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def parameter(self, name: str) -> str:
        """A parameter of the content type, such as ``charset``; "" where there is none."""
        for each in self.headers.get("content-type", "").split(";")[1:]:
            key, _, value = each.partition("=")
            if key.strip().lower() == name:
                return value.strip().strip('"')
        return ""


class Reason(StrEnum):
    """Why a call was refused; kept in the webhook's log, never told to the sender."""

    NO_CREDENTIALS = "no-credentials"
    WRONG_CREDENTIALS = "wrong-credentials"
    NO_TIMESTAMP = "no-timestamp"
    TOO_OLD = "too-old"
    SECRET_MISSING = "secret-missing"  # noqa: S105  a reason
    CONTENT_TYPE = "content-type"
    BODY = "body"
    MAPPING = "mapping"
    EVENT = "event"
    QUEUE_FULL = "queue-full"
    OWNER = "owner"


SAID: Mapping[Reason, str] = {
    Reason.NO_CREDENTIALS: "The call bore no credentials.",
    Reason.WRONG_CREDENTIALS: "The credentials are wrong.",
    Reason.NO_TIMESTAMP: "The call does not say when it was sent.",
    Reason.TOO_OLD: "It was sent more than five minutes ago, or is from the future.",
    Reason.SECRET_MISSING: "The webhook's secret is missing or cannot be opened.",
    Reason.CONTENT_TYPE: "Its content type is not one that the webhook takes.",
    Reason.BODY: "The body cannot be read.",
    Reason.MAPPING: "An expression of the webhook fails on this call.",
    Reason.EVENT: "The event does not fit its definition.",
    Reason.QUEUE_FULL: "The event's queue is full or drained.",
    Reason.OWNER: "The webhook's owner may not record events, or not use its secret, any more.",
}


class NotVerified(Exception):
    """The sender did not prove who they are."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(SAID[reason])
