"""Clearing away what no longer has a meaning."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from apps.auth.services.keys import forget_retired_keys
from apps.auth.services.secrets import forget_previous_values
from apps.auth.services.sessions import forget_ended_sessions
from apps.auth.services.sign_in import forget_old_attempts

_GRACE = timedelta(days=1)


def clear_away() -> dict[str, int]:
    """Delete families long over, keys that nothing valid is signed with, counters that no longer count, values of rotated
    secrets. Idempotent.

    Returns how many rows of each went.
    """
    now = timezone.now()
    return {
        "sessions": forget_ended_sessions(ended_before=now - _GRACE),
        "keys": forget_retired_keys(retired_before=now - settings.AUGMENTED_SIGN_IN_LIFETIME - _GRACE),
        "attempts": forget_old_attempts(),
        "secrets": forget_previous_values(),
    }
