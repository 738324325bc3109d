"""Results that come too late: another worker has the task, or the run is over."""

from __future__ import annotations

import pytest
from django.db import transaction

from apps.auth.models import User
from apps.tasks.models import ReadyTask
from apps.tasks.runtime import queue
from apps.tasks.runtime.outcomes import deliver
from apps.tasks.runtime.queue import Finished
from apps.workflows.services import instances
from apps.workflows.tests.factories import errand, published, started, worker_task
from apps.workflows.tests.live import fresh

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_result_of_a_lost_lease_is_refused_and_counts_once(alice: User) -> None:
    published(errand(), worker_task())
    run = started(alice, "errand", {"n": 1})
    [slow] = queue.claim("slow", ["io"], 1)
    ReadyTask.objects.update(worker=None, leased_until=None)  # the sweep took it back
    [quick] = queue.claim("quick", ["io"], 1)
    assert quick.attempt == slow.attempt + 1
    assert queue.settle("slow", [Finished(slow, "COMPLETED", {"n": 666})]) == []
    taken = queue.settle("quick", [Finished(quick, "COMPLETED", {"n": 2})])
    with transaction.atomic():
        deliver([queue.as_outcome(each) for each in taken])
    assert queue.settle("slow", [Finished(slow, "COMPLETED", {"n": 666})]) == []
    assert fresh(run).output == {"n": 2}


def test_a_result_for_a_run_that_was_cancelled_is_refused(alice: User) -> None:
    published(errand(), worker_task())
    run = started(alice, "errand", {"n": 1})
    [claimed] = queue.claim("w", ["io"], 1)
    instances.cancel(actor=alice, instance_id=run.id, reason="x")
    assert queue.settle("w", [Finished(claimed, "COMPLETED", {"n": 2})]) == []
    assert fresh(run).status == "CANCELLED"
