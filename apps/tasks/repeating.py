"""Whether work may be done twice, and whether a retry policy does so. Pure: the checks of workflows use it too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNREPEATABLE_METHODS = frozenset({"POST", "PATCH"})
"""HTTP verbs that do something again each time, if the other side does not look at the Idempotency-Key."""


def is_repeatable(implementation: Mapping[str, Any]) -> bool:
    """Whether the call may be made again: not a POST or PATCH, unless it says that the other side sees to that."""
    parameters = implementation.get("parameters")
    if implementation.get("kind") != "HTTP" or not isinstance(parameters, Mapping):
        return True
    return parameters.get("method") not in UNREPEATABLE_METHODS or parameters.get("idempotent") is True


def tries_again(policy: Mapping[str, Any]) -> bool:
    """Whether a retry policy, in either dialect, makes a second attempt."""
    if not policy:
        return False
    if "maxRetries" in policy or "retryInterval" in policy:
        return policy.get("maxRetries", 3) != 0
    return policy.get("maxAttempts", 3) != 1
