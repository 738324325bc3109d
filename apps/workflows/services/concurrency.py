"""Which slot a run needs before it begins, and what happens when there is none (see orchestrator/slots.py)."""

from __future__ import annotations

from collections.abc import Sequence

from apps.auth.models import User
from apps.validation.expressions import EvaluationError
from apps.validation.problems import Conflict, Unprocessable
from apps.validation.violations import Violation
from apps.workflows.engine.concurrency import Claim, claim_of
from apps.workflows.engine.state import Instance
from apps.workflows.models import WorkflowDefinition
from apps.workflows.orchestrator import slots
from apps.workflows.orchestrator.plans import plan_for
from apps.workflows.selectors.instances import visible_instances


def claim_for(definition: WorkflowDefinition, instance: Instance, pointer: str) -> Claim | None:
    """The slot that a run needs; None where the workflow sets no limit.

    Unprocessable when the key cannot be had from the run's input.
    """
    if not definition.document.get("concurrency"):
        return None
    concurrency = plan_for(definition.id).concurrency
    assert concurrency is not None
    shown = {
        "id": str(instance.id),
        "startedAt": instance.started_at.isoformat(),
        "correlationId": instance.correlation_id,
        "definition": instance.definition,
    }
    try:
        return claim_of(concurrency, instance.input, shown, instance.started_at)
    except EvaluationError as error:
        message = f"The key of concurrency cannot be had from this input: {error}"
        violation = Violation("concurrency-key", message, pointer, hint="Give the field that concurrency.key reads.")
        raise Unprocessable("The input lacks what limits the runs of this workflow.", violations=[violation]) from error


def line_up(actor: User, claimants: Sequence[slots.Claimant]) -> None:
    """Let inserted runs begin as far as there are slots, in their order; the others queue.

    Conflict, naming the runs that hold the slots, when one that may not queue got none; then the caller's transaction is over.
    """
    slots.lock(each.key for each in claimants)
    slots.claim(claimants)
    refusing = {each.instance_id: each for each in claimants if each.claim.on_conflict == "REJECT"}
    refused = slots.waiting_of(list(refusing)) if refusing else []
    if refused:
        raise Conflict(_refusal(actor, refusing[refused[0]]))


def _refusal(actor: User, claimant: slots.Claimant) -> str:
    limit = claimant.claim.capacity
    may = f"{limit} run may" if limit == 1 else f"{limit} runs may"
    whose = f" with the key {claimant.claim.key}" if claimant.claim.key else ""
    return f"Only {may} be under way at once{whose}: {named(actor, claimant.key)}."


def named(actor: User, key: slots.Key) -> str:
    """Who holds the slots of a key, in words; runs that the actor may not know of are only counted."""
    holders = slots.holders_of(key)
    seen = set(visible_instances(actor).filter(id__in=holders).values_list("id", flat=True))
    names = [str(each) for each in holders if each in seen]
    if hidden := len(holders) - len(names):
        names.append(f"{hidden} of other people" if names else f"{hidden} of other people's runs")
    return ", ".join(names) + (" holds the slot" if len(holders) == 1 else " hold the slots")
