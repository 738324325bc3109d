"""An event's story in the order in which people read it. Pure: selectors hand in what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KINDS = {"trigger": "Trigger", "run": "Run", "sequence": "Sequence", "webhook": "Webhook"}
STANDING = {"handled": "Handled", "skipped": "Skipped", "retrying": "To be tried again", "dead": "Failed"}


@dataclass(frozen=True, slots=True)
class Branch:
    """One subscriber, what it did, and the events that came of that. ``delivery`` None: events without a subscriber."""

    delivery: Mapping[str, Any] | None
    kind: str = ""
    did: str = ""
    run: Mapping[str, Any] | None = None
    href: str = ""
    caused: list[Mapping[str, Any]] = field(default_factory=list)


def branches(
    deliveries: Iterable[Mapping[str, Any]],
    caused: Iterable[Mapping[str, Any]],
    runs: Mapping[str, Mapping[str, Any]],
) -> list[Branch]:
    """Each subscriber with what followed from it; last the events that followed without one that is known.

    An event follows from the subscriber that started or moved the run it comes from.
    """
    found: list[Branch] = []
    by_run: dict[str, Branch] = {}
    for each in deliveries:
        result = each["result"] or {}
        run_id = str(result.get("instanceId", ""))
        href = str(result.get("href", ""))
        branch = Branch(
            each,
            KINDS.get(each["kind"], str(each["kind"]).capitalize()),
            _did(each["kind"], each["status"], result),
            runs.get(run_id),
            href if href.startswith("/") and not href.startswith("//") else "",
        )
        found.append(branch)
        if run_id:
            by_run.setdefault(run_id, branch)
    loose = Branch(None)
    for event in caused:
        source = str(event["source"].get("id"))  # the run itself, or a task in it
        by_run.get(str(runs.get(source, {}).get("id", source)), loose).caused.append(event)
    return [*found, loose] if loose.caused else found


def _did(kind: str, status: str, result: Mapping[str, Any]) -> str:
    """What it did, in a few words; empty where its status says all."""
    if result.get("skipped"):
        return str(result["skipped"])
    if status != "handled":
        return ""
    if "cancelled" in result:
        count = int(result.get("count") or len(result["cancelled"]))
        return f"cancelled {count} run{'' if count == 1 else 's'}"
    if kind == "trigger":
        return "started a run" if result.get("instanceId") else ""
    if kind == "run":
        return f"went on at {result['stepId']}" if result.get("stepId") else "was told"
    return ""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline. ``after``: since the event was recorded, in words; ``tone``: a status, for its dot."""

    at: datetime
    after: str
    words: str
    tone: str = ""
    note: str = ""
    href: str = ""


def timeline(
    event: Mapping[str, Any],
    deliveries: Sequence[Mapping[str, Any]],
    caused: Iterable[Mapping[str, Any]],
    page_of: Callable[[str], str],
) -> list[Moment]:
    """When it happened, came here, was handled, failed, was tried again, and what it caused: in order of time.

    ``page_of``: the page of an event.
    """
    recorded: datetime = event["recordedAt"]
    found: list[tuple[datetime, str, str, str, str]] = [(recorded, "Recorded", "recorded", "", "")]
    if abs((event["recordedAt"] - _time(event["timestamp"])).total_seconds()) >= 0.5:
        found.append((_time(event["timestamp"]), "Happened, as the sender says", "", "", ""))
    for each in deliveries:
        who = each["subscriber"]["label"]
        for attempt in each["history"]:
            error = attempt.get("error") or {}
            said = f"Attempt {attempt.get('attempt', '?')} failed: {who}"
            found.append((_time(attempt["at"]), said, "retrying", str(error.get("message", "")), ""))
        href = each["subscriber"]["href"]
        found.append(
            (each["updatedAt"], f"{STANDING.get(each['status'], each['status'])}: {who}", each["status"], "", href)
        )
    found += [
        (each["recordedAt"], f"Caused {each['pattern']}", "caused", "", page_of(each["eventId"])) for each in caused
    ]
    return [
        Moment(at, _after(at, recorded), words, tone, note, href)
        for at, words, tone, note, href in sorted(found, key=lambda each: each[0])
    ]


def _time(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _after(at: datetime, recorded: datetime) -> str:
    seconds = (at - recorded).total_seconds()
    sign, size = ("−" if seconds < 0 else "+"), abs(seconds)
    if size < 0.0005:
        return ""
    if size < 1:
        return f"{sign}{round(size * 1000)} ms"
    if size < 120:
        return f"{sign}{size:.1f} s"
    if size < 7_200:
        return f"{sign}{round(size / 60)} min"
    return f"{sign}{round(size / 3_600)} h" if size < 172_800 else f"{sign}{round(size / 86_400)} days"
