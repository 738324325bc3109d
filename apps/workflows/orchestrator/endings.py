"""What a wave does to runs outside it: children begin, parents are told, whoever queues gets the slot that is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.workflows.engine.concurrency import Claim
from apps.workflows.engine.state import CancelBelow, CancelChild, Decision, PauseWork, StartChild
from apps.workflows.engine.transitions import TERMINAL

from . import children, slots


@dataclass(frozen=True, slots=True)
class Ties:
    """What binds a run to others. ``waiting``: the execution that waits for its end, if it is some run's child.

    ``claim``: its slot, where its workflow limits how many of its runs may be under way at once.
    """

    waiting: UUID | None = None
    claim: Claim | None = None


NO_TIES = Ties()
UNLIMITED = 1_000_000_000


def follow(found: Sequence[tuple[Decision, Ties]], born: Sequence[children.Birth], now: datetime) -> None:
    """In the transaction of the wave, once its runs are written."""
    ended = [(decision, ties) for decision, ties in found if ties is not NO_TIES and has_ended(decision)]
    freed = [(each.instance.id, _key(each, ties.claim)) for each, ties in ended if ties.claim is not None]
    revived = [
        slots.Claimant(decision.instance.id, decision.instance.definition["workflowId"], ties.claim)
        for decision, ties in found
        if ties.claim is not None and goes_on_again(decision)
    ]
    claimants = [each.claimant for each in born if each.claimant is not None]
    slots.lock([key for _, key in freed] + [each.key for each in (*revived, *claimants)])
    if born:
        children.begin(born, now)
    if told := [(each.instance, ties.waiting) for each, ties in ended if ties.waiting is not None]:
        children.tell_parents(told)
    if revived:
        slots.hold(revived)
    if freed:
        slots.free(freed)


def reaches_others(decision: Decision, ties: Ties, *, may_have_children: bool) -> bool:
    """Whether the advance puts something into other runs' inboxes that whoever made it may go on with at once."""
    if ties is not NO_TIES and has_ended(decision):
        return True
    if any(isinstance(each, PauseWork) and each.resume for each in decision.commands):
        return True  # what was held for the run itself is there again
    told = StartChild | CancelChild | CancelBelow | PauseWork
    return may_have_children and any(isinstance(each, told) for each in decision.commands)


def has_ended(decision: Decision) -> bool:
    """Whether the run reached its end in this advance (and was not at it before)."""
    return decision.instance.status in TERMINAL and bool(decision.history)


def goes_on_again(decision: Decision) -> bool:
    """Whether the run goes on after it had been at its end."""
    retried = any(entry["type"] == "INSTANCE_RETRIED" for entry in decision.history)
    return retried and decision.instance.status not in TERMINAL


def _key(decision: Decision, claim: Claim) -> slots.Key:
    return decision.instance.definition["workflowId"], claim.key
