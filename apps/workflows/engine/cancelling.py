"""Events that cancel a run: the ``cancellationTriggers`` of its workflow.

A run subscribes once to each of them when it begins, and again when it is retried; the subscriptions end with the run, and as
soon as its work is being undone. Such an event counts at once, also while the run is suspended: who suspends a run wants
nothing to happen in it, and that is all the more so once it is cancelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from .plan import CancelTrigger, Plan
from .run import Run, Unusable, failure_of
from .state import Signal, Subscribe, Unsubscribe, cancel_id
from .transitions import SignalKind
from .waiting import correlate

if TYPE_CHECKING:
    from .plan import Expression


def subscribe(run: Run) -> None:
    """Wait for every event that would cancel the run."""
    run.scope = run.at = ""
    for index, trigger in enumerate(run.plan.cancels):
        run.command(
            Subscribe(
                cancel_id(run.instance.id, index),
                None,
                trigger.pattern,
                trigger.condition_text,
                correlate(run, trigger.correlation),
            )
        )


def trigger_of(plan: Plan, instance_id: UUID, signal: Signal) -> CancelTrigger | None:
    """The trigger that a signal is addressed to. None where the run has moved to a version that has it no more."""
    for index, trigger in enumerate(plan.cancels):
        if cancel_id(instance_id, index) == signal.execution_id:
            return trigger if signal.data.get("pattern", trigger.pattern) == trigger.pattern else None
    return None


def judge(run: Run, signal: Signal) -> Signal | None:
    """The CANCEL that an event comes to; None when its condition is not true, or cannot be told."""
    trigger = trigger_of(run.plan, run.instance.id, signal)
    if trigger is None or signal.execution_id is None:
        return None
    event = signal.data["event"]
    run.scope = run.at = ""
    if not _holds(run, trigger, signal.execution_id, event):
        return None
    run.command(Unsubscribe(signal.execution_id, "fulfilled", event.get("eventId")))
    run.cause = event
    data = {
        "reason": _reason(run, trigger.reason, event),
        "requestedBy": None,
        "source": "EVENT",
        "eventId": event.get("eventId"),
        "shouldCompensate": trigger.compensate,
    }
    return Signal(SignalKind.CANCEL, None, data)


def _holds(run: Run, trigger: CancelTrigger, id_: UUID, event: dict[str, Any]) -> bool:
    if trigger.condition is None:
        return True
    try:
        return run.is_true(trigger.condition, {"event": event})
    except (run.plan.language.error, Unusable) as error:
        if not _lacks_a_result(run, trigger.condition):
            run.refuse_event(id_, event, failure_of(error), None)
        return False


def _lacks_a_result(run: Run, condition: Expression) -> bool:
    """Whether the condition reads what the run has not done yet: then it does not hold, and nothing is wrong with the event."""
    steps = {read[1] for read in condition.reads if read[0] == "steps" and len(read) > 1}
    return any(step_id not in run.results or run.results[step_id].output is None for step_id in steps)


def _reason(run: Run, template: Expression | None, event: dict[str, Any]) -> str:
    """What cannot be put into words does not keep the event from cancelling the run."""
    if template is not None:
        try:
            value = run.evaluate(template, {"event": event})
        except (run.plan.language.error, Unusable):
            pass
        else:
            return value if isinstance(value, str) else str(value)
    return f"The event {event.get('pattern')} came."
