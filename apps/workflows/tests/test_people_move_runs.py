"""A person's answer and the run's next steps are one transaction."""

from __future__ import annotations

import pytest
from django.db import transaction

from apps.auth.models import User
from apps.tasks.models import Task
from apps.tasks.services import claim, complete
from apps.workflows.tests.factories import approval, published, started
from apps.workflows.tests.live import fresh

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_persons_answer_moves_the_run_in_the_same_transaction(alice: User, bob: User) -> None:
    published(approval())
    run = started(alice, "approval")
    task = Task.objects.get()
    claim(actor=bob, task_id=task.id)
    complete(actor=bob, task_id=task.id, action="approve", output={})
    assert (fresh(run).status, fresh(run).output) == ("COMPLETED", {"approved": True})


def test_an_answer_that_is_rolled_back_has_moved_nothing(alice: User, bob: User) -> None:
    published(approval())
    run = started(alice, "approval")
    task = Task.objects.get()
    claim(actor=bob, task_id=task.id)
    before = fresh(run).seq

    with transaction.atomic():
        complete(actor=bob, task_id=task.id, action="approve", output={})
        assert fresh(run).status == "COMPLETED"
        transaction.set_rollback(True)
    assert (fresh(run).status, fresh(run).seq) == ("RUNNING", before)
    task.refresh_from_db()
    assert task.status == "ASSIGNED"
