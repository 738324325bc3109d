"""The inbox: its boxes, counts that agree with them, and nothing that the reader may not see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.auth.tests.factories import Cast, UserFactory
from apps.tasks import access, selectors, services
from apps.tasks.models import Task
from apps.tasks.presentation import task_detail, task_summary
from apps.validation.problems import NotFound

from .factories import ManualTaskFactory


@pytest.fixture
def tasks(cast: Cast) -> dict[str, Task]:
    yesterday = timezone.now() - timedelta(days=1)
    done = ManualTaskFactory(assignee=cast.bob, title="done")
    services.complete(actor=cast.bob, task_id=done.pk, action="approve", output={"approved": True})
    return {
        "mine": ManualTaskFactory(assignee=cast.bob),
        "mine_late": ManualTaskFactory(assignee=cast.bob, due_at=yesterday),
        "group": ManualTaskFactory(),
        "group_late": ManualTaskFactory(due_at=yesterday),
        "taken": ManualTaskFactory(assignee=cast.admin, due_at=yesterday),
        "others": ManualTaskFactory(candidate_groups=["finance"]),
        "named": ManualTaskFactory(candidate_groups=[], candidate_users=["bob"]),
        "worker": ManualTaskFactory(type=Task.Type.AUTOMATED),
        "done": done,
    }


def names(found: Any, tasks: dict[str, Task]) -> set[str]:
    ids = {task.pk: name for name, task in tasks.items()}
    return {ids[task.pk] for task in found}


def test_each_box_holds_what_it_says(cast: Cast, tasks: dict[str, Task]) -> None:
    boxes = {box: names(selectors.inbox(cast.bob, box), tasks) for box in selectors.BOXES}
    assert boxes == {
        "my": {"mine", "mine_late"},
        "group": {"group", "group_late", "named"},
        "overdue": {"mine_late", "group_late"},
        "done": {"done"},
        "all": {"mine", "mine_late", "group", "group_late", "taken", "named", "done"},
    }


def test_counts_agree_with_the_boxes_and_cost_one_query(
    cast: Cast, tasks: dict[str, Task], django_assert_max_num_queries: Any
) -> None:
    for actor in (cast.bob, cast.alice, cast.charlie, cast.admin):
        expected = {box: selectors.inbox(actor, box).count() for box in ("my", "group", "overdue", "done")}
        with django_assert_max_num_queries(1):
            counts = selectors.box_counts(actor)
        assert counts == expected


def test_the_filter_and_the_single_question_agree(cast: Cast, tasks: dict[str, Task]) -> None:
    finance = UserFactory(roles=["user"], groups=["finance"])
    service = UserFactory(roles=["service"], kind="service")
    tasks["asked"] = ManualTaskFactory(candidate_groups=[], requested_by=service)
    for actor in (cast.bob, cast.alice, cast.charlie, cast.admin, finance, service):
        listed = names(selectors.visible_tasks(actor), tasks)
        asked = {name for name, task in tasks.items() if access.may_see(actor, Task.objects.get(pk=task.pk))}
        assert listed == asked


def test_a_list_costs_the_same_whatever_its_length(cast: Cast, django_assert_num_queries: Any) -> None:
    ManualTaskFactory.create_batch(10, assignee=cast.bob)
    selectors.box_counts(cast.bob)
    with django_assert_num_queries(1):
        assert len([task_summary(task) for task in selectors.inbox(cast.bob, "my")]) == 10


def test_one_task_is_read_whole_or_not_at_all(cast: Cast, tasks: dict[str, Task]) -> None:
    found = task_detail(selectors.find_task(cast.bob, tasks["mine"].pk), cast.bob)
    assert found["allowed"] == ["release", "draft", "complete", "comment", "attach"]
    assert found["priority"] == "MEDIUM"
    with pytest.raises(NotFound):
        selectors.find_task(cast.bob, tasks["others"].pk)
    taken = task_detail(selectors.find_task(cast.bob, tasks["taken"].pk), cast.bob)
    assert taken["allowed"] == ["comment"]
    assert taken["overdue"]
    assert task_detail(selectors.find_task(cast.bob, tasks["group"].pk), cast.bob)["allowed"][0] == "claim"
