"""Several people claim, release and complete the same tasks at once, over real connections: nothing is lost or doubled.

What must hold whatever the interleaving: each task is completed at most once, by who held it; its outcome reaches the
workflow exactly as often as it is completed; each change has one audit entry and one version; and every refusal is one
that a person can understand (403, 404, 409), never a deadlock or another error.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.auth.access import AccessDenied
from apps.auth.models import AuditEntry, User
from apps.auth.tests.factories import UserFactory
from apps.tasks import services
from apps.tasks.models import Task
from apps.tasks.runtime import outcomes
from apps.tasks.runtime.outcomes import TaskOutcome
from apps.validation.problems import Problem

from .factories import ManualTaskFactory

VERBS = ("claim", "release", "complete", "draft", "cancel", "assign")
Step = tuple[int, str, int]
"""(which person, which verb, which task)"""


class Ledger:
    """Stands where the workflows app registers itself, and writes each outcome down in the same transaction."""

    def advance(self, given: Sequence[TaskOutcome], **_: Any) -> tuple[list[Any], bool]:
        with connection.cursor() as cursor:
            for outcome in given:
                cursor.execute("INSERT INTO told (task_id, status) VALUES (%s, %s)", [outcome.task_id, outcome.status])
        return [], False


@pytest.fixture
def ledger(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS told (task_id uuid, status text)")
    monkeypatch.setattr(outcomes, "_orchestrator", Ledger())
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE told")


def act(actor: User, verb: str, task_id: UUID, others: list[User]) -> None:
    if verb == "complete":
        services.complete(actor=actor, task_id=task_id, action="approve", output={"approved": True})
    elif verb == "draft":
        services.save_draft(actor=actor, task_id=task_id, draft={"by": str(uuid4())})
    elif verb == "assign":
        services.assign(actor=actor, task_id=task_id, assignee=random.choice(others))
    else:
        getattr(services, verb)(actor=actor, task_id=task_id)


def run_at_once(people: list[User], tasks: list[Task], steps: list[Step]) -> tuple[Counter[str], list[BaseException]]:
    """Each person does their steps in order, all people at the same time. Returns what succeeded and what broke."""
    done: Counter[str] = Counter()
    broken: list[BaseException] = []
    barrier = threading.Barrier(len(people))
    lock = threading.Lock()

    def live(index: int) -> None:
        try:
            me = User.objects.get(pk=people[index].pk)
            barrier.wait(timeout=20)
            for person, verb, which in steps:
                if person != index:
                    continue
                try:
                    act(me, verb, tasks[which].pk, people)
                except (Problem, AccessDenied):
                    continue
                with lock:
                    done[verb] += 1
        except BaseException as error:
            broken.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=live, args=(index,)) for index in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return done, broken


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(VERBS), st.integers(0, 2)), min_size=8, max_size=40))
def test_no_interleaving_loses_or_doubles_work(ledger: None, steps: list[Step]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM told")
    run_id = uuid4().hex[:8]
    people = [
        UserFactory(
            username=f"p{run_id}{n}", roles=["manager"] + (["workflow_operator"] if n == 0 else []), groups=["managers"]
        )
        for n in range(4)
    ]
    tasks = ManualTaskFactory.create_batch(3, workflow_instance_id=uuid4())

    done, broken = run_at_once(people, tasks, steps)

    assert broken == []
    ids = [task.pk for task in tasks]
    rows = {task.pk: task for task in Task.objects.filter(pk__in=ids)}
    audited = Counter(
        AuditEntry.objects.filter(resource_id__in=[str(pk) for pk in ids]).values_list("action", flat=True)
    )
    completed = [task for task in rows.values() if task.status == "COMPLETED"]
    cancelled = [task for task in rows.values() if task.status == "CANCELLED"]
    assert done["complete"] == len(completed) == audited["task.completed"]
    assert done["cancel"] == len(cancelled) == audited["task.cancelled"]
    assert done["release"] == audited["task.released"]
    assert done["assign"] == audited["task.assigned"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT task_id, status FROM told")
        told = Counter(cursor.fetchall())
    assert told == Counter((task.pk, task.status) for task in [*completed, *cancelled])
    for task in completed:
        # The first of the people manages tasks, and may also answer for others.
        assert task.completed_by_id in (task.assignee_id, people[0].pk)
        assert task.output == {"approved": True}
    for task in rows.values():
        assert (task.status == "PENDING") == (
            task.assignee_id is None and task.status not in ("COMPLETED", "CANCELLED")
        )
    changes = sum(audited.values()) + done["draft"]
    assert sum(task.version - 1 for task in rows.values()) == changes
