"""Caps of the tasks app, each a setting with a default."""

from __future__ import annotations

from django.conf import settings


def max_result_bytes() -> int:
    """AUGMENTED_MAX_RESULT: cap on a task's output as JSON, default 256 kB."""
    return int(getattr(settings, "AUGMENTED_MAX_RESULT", 262_144))


def max_attachment_bytes() -> int:
    """AUGMENTED_MAX_ATTACHMENT: cap on one attached file, default 10 MB."""
    return int(getattr(settings, "AUGMENTED_MAX_ATTACHMENT", 10_485_760))


def attachment_types() -> frozenset[str]:
    """AUGMENTED_ATTACHMENT_TYPES: media types that may be attached; nothing that a browser would run."""
    return frozenset(getattr(settings, "AUGMENTED_ATTACHMENT_TYPES", _ATTACHMENT_TYPES))


_ATTACHMENT_TYPES = (
    "application/pdf",
    "application/json",
    "application/zip",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/csv",
    "text/plain",
)
