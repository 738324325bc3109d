"""Crowds that an event is to be found among: runs that wait, each for its own order, and triggers, each of its own kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.db import connection, models

from apps.auth.models import User
from apps.events.matching import correlation_key, keep_shapes
from apps.events.sql import as_rows, run
from apps.workflows.models import StepExecution, Subscription, Trigger, WorkflowInstance
from apps.workflows.services import definitions as workflows
from apps.workflows.services import instances
from apps.workflows.services.instances import Start
from apps.workflows.services.trigger_rows import SHAPES

WAITS = "event-wait"
STARTS = "event-start"
PAID = "bench.orders.paid"
PLACED = "bench.orders.placed"
CHUNK = 10_000


def install(user: User) -> None:
    """Publish a workflow that waits for its order to be paid, and one that is over at once."""
    wait = {
        "stepId": "wait",
        "type": "EVENT_WAIT",
        "eventPattern": PAID,
        "eventCondition": "event.payload.order == input.order && event.payload.amount > 0",
    }
    done = {"stepId": "done", "type": "END"}
    for key, step in ((WAITS, wait), (STARTS, done)):
        document = {"workflowId": key, "name": key, "version": "1.0.0", "steps": [step]}
        workflows.save(actor=user, document=document)
        workflows.publish(actor=user, workflow_id=key)


def waiting_runs(user: User, first: int, last: int) -> None:
    """Runs that wait for the orders ``first`` … ``last - 1``: one begun by the platform, the others its copies."""
    template = instances.start(actor=user, request=Start(WAITS, {"order": first}))
    execution = StepExecution.objects.get(instance_id=template)
    for begin in range(first + 1, last, CHUNK):
        rows = as_rows(
            [
                {
                    "instance": uuid4(),
                    "execution": uuid4(),
                    "subscription": uuid4(),
                    "input": {"order": order},
                    "correlation": {"payload.order": order},
                    "key": correlation_key({"payload.order": order}),
                }
                for order in range(begin, min(begin + CHUNK, last))
            ]
        )
        _copy(WorkflowInstance, template, rows, {"id": "r.instance", "input": "r.input"})
        _copy(StepExecution, execution.id, rows, {"id": "r.execution", "instance_id": "r.instance"})
        copied = {
            "id": "r.subscription",
            "instance_id": "r.instance",
            "execution_id": "r.execution",
            "correlation": "r.correlation",
            "correlation_key": "r.key",
        }
        _copy(Subscription, Subscription.objects.get(execution_id=execution.id).id, rows, copied)
    _analyze()


def _copy(model: type[models.Model], template: Any, rows: str, changed: Mapping[str, str]) -> None:
    names = [field.column for field in model._meta.concrete_fields if field.column is not None]
    values = ", ".join(changed.get(name, f"t.{name}") for name in names)
    run(
        f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) SELECT {values} FROM {model._meta.db_table} t,"
        " json_to_recordset(%s::json) AS r(instance uuid, execution uuid, subscription uuid, input jsonb,"
        " correlation jsonb, key text) WHERE t.id = %s",
        rows,
        template,
    )


def triggers(user: User, first: int, last: int) -> None:
    """Triggers on orders of the kinds ``first`` … ``last - 1``, every second under a pattern of its own."""
    rows = []
    for kind in range(first, last):
        own = kind % 2 == 1
        equal = {} if own else {"payload.kind": kind}
        document = {
            "triggerId": f"bench-{kind}",
            "workflowId": STARTS,
            "triggerType": "START",
            "eventPattern": pattern_of(kind),
            "enabled": True,
            **({} if own else {"eventCondition": f"event.payload.kind == {kind}"}),
        }
        rows.append(
            Trigger(
                key=f"bench-{kind}",
                workflow_id=STARTS,
                name=f"bench-{kind}",
                document=document,
                owner=user,
                event_pattern=document["eventPattern"],
                correlation_key=correlation_key(equal),
            )
        )
    Trigger.objects.bulk_create(rows, batch_size=1_000)
    keep_shapes(SHAPES, [(row.event_pattern, () if row.correlation_key == "" else ("payload.kind",)) for row in rows])
    _analyze()


def pattern_of(kind: int) -> str:
    """The pattern of the trigger of a kind of orders."""
    return f"{PLACED}.{kind}" if kind % 2 == 1 else PLACED


def forget() -> None:
    """Take away every run, trigger, event and whatever was noted about them."""
    tables = (
        "workflows_workflowinstance, workflows_stepexecution, workflows_historyrecord, workflows_inboxsignal,"
        " workflows_timer, workflows_subscription, workflows_trigger, tasks_task, tasks_readytask, events_event,"
        " events_eventkey, events_queuedevent, events_delivery, events_deadletter"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE workflows_subscription, workflows_trigger, workflows_workflowinstance,"
                       " workflows_stepexecution, events_shape")  # fmt: skip
