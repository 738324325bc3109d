"""Who stands how to a task, and what may be done to it in which state. Pure.

    PENDING ──claim──► ASSIGNED ──complete──► COMPLETED
       ▲  ◄──release──    │  ▲                   │
       │                  │  └──assign (anyone to anyone)
       └───────────reopen─┼──────────────────────┘   only while no workflow went on with the answer
                          └──cancel──► CANCELLED

RUNNING, FAILED and TIMED_OUT belong to tasks that workers do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

OPEN = frozenset({"PENDING", "ASSIGNED", "RUNNING"})
CLOSED = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})

Verb = Literal["claim", "release", "assign", "draft", "complete", "cancel", "reopen", "comment", "attach"]

ALLOWED_FROM: dict[Verb, frozenset[str]] = {
    "claim": frozenset({"PENDING", "ASSIGNED"}),  # ASSIGNED: only by who has it already, which changes nothing
    "release": frozenset({"ASSIGNED"}),
    "assign": frozenset({"PENDING", "ASSIGNED"}),
    "draft": frozenset({"PENDING", "ASSIGNED"}),
    "complete": frozenset({"PENDING", "ASSIGNED"}),
    "cancel": OPEN,
    "reopen": frozenset({"COMPLETED", "CANCELLED"}),
    "comment": OPEN | CLOSED,
    "attach": OPEN,
}
# Verbs that only make sense for a person's task; the others hold for work of any type.
FOR_PEOPLE: frozenset[Verb] = frozenset({"claim", "release", "assign", "draft", "complete", "reopen"})
MANAGING: frozenset[Verb] = frozenset({"assign", "cancel", "reopen"})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a person stands to a task. `holds`: it is assigned to them. `free`: it is assigned to nobody."""

    holds: bool
    candidate: bool
    free: bool
    worked: bool = False

    @property
    def may_see(self) -> bool:
        """Seen by who holds it, who could take it, and who did it."""
        return self.holds or self.candidate or self.worked

    @property
    def may_work(self) -> bool:
        """Worked on by who holds it; while nobody does, by every candidate."""
        return self.holds or (self.free and self.candidate)


def is_candidate(
    *,
    username: str,
    groups: Iterable[str],
    roles: Iterable[str],
    candidate_users: Iterable[str],
    candidate_groups: Iterable[str],
) -> bool:
    """Named themselves, or through a team or a role."""
    return username in set(candidate_users) or not set(candidate_groups).isdisjoint({*groups, *roles})
