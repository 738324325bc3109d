"""The two columns of the fault table: what `make test` runs, and what `make faults` (AUGMENTED_FAULTS=long) runs."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

LONG = os.environ.get("AUGMENTED_FAULTS") == "long"


def size(short: T, long: T) -> T:
    return long if LONG else short
