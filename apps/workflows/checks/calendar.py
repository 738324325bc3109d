"""The working calendar that a DELAY counts in: it must be there, and the duration be one that it can count."""

from __future__ import annotations

from apps.validation.durations import DurationError, split_duration

from .catalog import Catalog
from .findings import Findings, certain_fix, did_you_mean
from .outline import Step, text


def check_calendar(step: Step, catalog: Catalog, findings: Findings) -> None:
    """The `calendar` of a DELAY step."""
    calendar_id, duration = text(step.document, "calendar"), text(step.document, "duration")
    if calendar_id is None:
        return
    if catalog.calendar(calendar_id) is None:
        names = catalog.calendar_ids()
        findings.error(
            "unknown-calendar",
            step.pointer + "/calendar",
            f"There is no calendar {calendar_id!r}.",
            hint=did_you_mean(calendar_id, names, noun="calendars") or "Save and publish the calendar first.",
            fix=certain_fix(calendar_id, names, step.pointer + "/calendar"),
        )
    if duration is not None and "${" not in duration:
        try:
            split_duration(duration)
        except DurationError as error:
            findings.error("calendar-duration", step.pointer + "/duration", str(error))
