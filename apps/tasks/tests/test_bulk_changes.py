"""One verb on many tasks: each is its own transaction, and each answers for itself."""

from __future__ import annotations

from uuid import uuid4

import pytest

from apps.auth.tests.factories import Cast
from apps.tasks import services
from apps.tasks.models import Task
from apps.validation.problems import Unprocessable

from .factories import ManualTaskFactory


def test_what_can_be_done_is_done_and_the_rest_is_told(cast: Cast) -> None:
    free, taken, hidden = (
        ManualTaskFactory(),
        ManualTaskFactory(assignee=cast.admin),
        ManualTaskFactory(candidate_groups=["others"]),
    )
    missing = uuid4()
    results = services.bulk(actor=cast.bob, ids=[free.pk, taken.pk, hidden.pk, missing, free.pk], operation="claim")
    assert {result.id: result.status for result in results} == {
        free.pk: 200,
        taken.pk: 409,
        hidden.pk: 404,
        missing: 404,
    }
    assert Task.objects.get(pk=free.pk).assignee_id == cast.bob.pk


def test_many_tasks_are_assigned_at_once(cast: Cast) -> None:
    tasks = ManualTaskFactory.create_batch(5)
    results = services.bulk(actor=cast.alice, ids=[t.pk for t in tasks], operation="assign", assignee=cast.bob)
    assert {result.status for result in results} == {200}
    assert Task.objects.filter(assignee=cast.bob).count() == 5


def test_without_the_right_nothing_is_done(cast: Cast) -> None:
    task = ManualTaskFactory()
    assert [result.status for result in services.bulk(actor=cast.bob, ids=[task.pk], operation="cancel")] == [403]


def test_too_many_are_refused(cast: Cast) -> None:
    with pytest.raises(Unprocessable):
        services.bulk(actor=cast.alice, ids=[uuid4() for _ in range(501)], operation="cancel")
