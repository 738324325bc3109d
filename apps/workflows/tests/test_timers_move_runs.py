"""Timers: fired once each, by however many."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from apps.auth.models import User
from apps.tasks.runtime.worker import Worker
from apps.workflows.models import InboxSignal, Timer
from apps.workflows.services import timers
from apps.workflows.tests.factories import nap, published, started
from apps.workflows.tests.live import fresh, pass_time

pytestmark = pytest.mark.django_db(transaction=True)


def test_due_timers_fire_once_and_the_run_goes_on(alice: User, worker: Worker) -> None:
    published(nap())
    run = started(alice, "nap")
    assert timers.fire_timers() == 0
    pass_time(3_601)
    assert timers.fire_timers() == 1
    assert timers.fire_timers() == 0
    worker.drain(5)
    assert fresh(run).status == "COMPLETED"
    assert not Timer.objects.exists()


def test_two_that_fire_at_once_fire_each_timer_once(alice: User) -> None:
    published(nap())
    for _ in range(40):
        started(alice, "nap")
    pass_time(3_601)
    fired: list[int] = []
    barrier = threading.Barrier(4)

    def fire() -> None:
        barrier.wait(10)
        fired.append(timers.fire_timers())
        connection.close()

    threads = [threading.Thread(target=fire) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sum(fired) == 40
    assert InboxSignal.objects.count() == 40
