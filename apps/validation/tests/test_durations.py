"""ISO 8601 durations, forward only and of one length."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.validation.durations import DurationError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT5M", 300),
        ("P1D", 86_400),
        ("P1DT12H", 129_600),
        ("PT0.5S", 0.5),
        ("P2W", 1_209_600),
        ("PT0S", 0),
        ("PT1H30M", 5_400),
    ],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "5m", "-PT5M", "P1Y", "P1M", "PT5", "P1DT", "pt5m", "P999999999W", "PT" + "9" * 99 + "S", "PT५M"],
)
def test_anything_else_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(DurationError, match=r"\.$"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_000)))
def test_written_duration_reads_back(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration
