"""Claim, release, assign and drafts: who may, in which state, and what the later of two people is told."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from apps.auth.access import AccessDenied
from apps.auth.models import AuditEntry, User
from apps.auth.tests.factories import Cast, UserFactory
from apps.tasks import services
from apps.tasks.models import Task
from apps.validation.problems import Conflict, NotFound, PayloadTooLarge, StaleVersion, Unprocessable

from .factories import ManualTaskFactory


def test_a_candidate_claims_a_free_task(cast: Cast) -> None:
    task = ManualTaskFactory()
    claimed = services.claim(actor=cast.bob, task_id=task.pk)
    assert (claimed.status, claimed.assignee_id, claimed.version) == ("ASSIGNED", cast.bob.pk, 2)
    assert claimed.started_at is not None
    entry = AuditEntry.objects.get(action="task.claimed")
    assert (entry.actor_id, entry.resource_id) == (cast.bob.pk, str(task.pk))


def test_claiming_twice_changes_nothing(cast: Cast) -> None:
    task = ManualTaskFactory()
    services.claim(actor=cast.bob, task_id=task.pk)
    assert services.claim(actor=cast.bob, task_id=task.pk).version == 2
    assert AuditEntry.objects.filter(action="task.claimed").count() == 1


def test_the_second_of_two_candidates_is_told_that_it_is_taken(cast: Cast, dora: User) -> None:
    task = ManualTaskFactory()
    services.claim(actor=cast.bob, task_id=task.pk)
    for late in (
        lambda: services.claim(actor=dora, task_id=task.pk),
        lambda: services.complete(actor=dora, task_id=task.pk, action="approve", output={"approved": True}),
        lambda: services.save_draft(actor=dora, task_id=task.pk, draft={}),
        lambda: services.release(actor=dora, task_id=task.pk),
    ):
        with pytest.raises(Conflict) as refused:
            late()
        assert refused.value.code == "taken"


def test_an_outsider_does_not_learn_that_the_task_exists(cast: Cast) -> None:
    task = ManualTaskFactory()
    for verb in (services.claim, services.release, services.complete, services.cancel, services.reopen):
        with pytest.raises(NotFound) as hidden:
            verb(actor=cast.charlie, task_id=task.pk)
        with pytest.raises(NotFound) as absent:
            verb(actor=cast.charlie, task_id=(missing := uuid4()))
        assert str(hidden.value).replace(str(task.pk), "") == str(absent.value).replace(str(missing), "")


def test_who_may_only_look_may_not_touch(cast: Cast) -> None:
    viewer = UserFactory(roles=["readonly"])
    task = ManualTaskFactory()
    for verb in (services.claim, services.complete, services.cancel):
        with pytest.raises(AccessDenied):
            verb(actor=viewer, task_id=task.pk)
    with pytest.raises(AccessDenied):
        services.comment(actor=viewer, task_id=task.pk, text="hello")


def test_a_candidate_may_be_named_by_username_team_or_role(cast: Cast) -> None:
    for fields in (
        {"candidate_users": ["bob"], "candidate_groups": []},
        {"candidate_groups": ["managers"]},
        {"candidate_groups": ["manager"]},
    ):
        task = ManualTaskFactory(**fields)
        assert services.claim(actor=cast.bob, task_id=task.pk).assignee_id == cast.bob.pk


def test_releasing_gives_the_task_back_with_its_draft(cast: Cast, dora: User) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    services.save_draft(actor=cast.bob, task_id=task.pk, draft={"note": "half"})
    released = services.release(actor=cast.bob, task_id=task.pk)
    assert (released.status, released.assignee_id, released.draft) == ("PENDING", None, {"note": "half"})
    assert services.claim(actor=dora, task_id=task.pk).draft == {"note": "half"}


def test_a_free_task_cannot_be_released(cast: Cast) -> None:
    with pytest.raises(Conflict):
        services.release(actor=cast.bob, task_id=ManualTaskFactory().pk)


def test_managers_of_tasks_assign_and_others_do_not(cast: Cast) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    with pytest.raises(AccessDenied):
        services.assign(actor=cast.bob, task_id=task.pk, assignee=cast.alice)
    assert services.assign(actor=cast.alice, task_id=task.pk, assignee=cast.charlie).assignee_id == cast.charlie.pk
    assert services.assign(actor=cast.alice, task_id=task.pk, assignee=None).status == "PENDING"
    assert AuditEntry.objects.filter(action="task.assigned").count() == 2


def test_work_is_not_given_to_a_closed_account(cast: Cast) -> None:
    gone = UserFactory(status=User.Status.INACTIVE)
    with pytest.raises(Unprocessable) as refused:
        services.assign(actor=cast.alice, task_id=ManualTaskFactory().pk, assignee=gone)
    assert refused.value.violations[0].pointer == "/assignee"


def test_a_draft_need_not_fit_the_form(cast: Cast) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    saved = services.save_draft(actor=cast.bob, task_id=task.pk, draft={"approved": "perhaps"})
    assert Task.objects.get(pk=task.pk).draft == {"approved": "perhaps"}
    assert saved.version == 2
    assert services.save_draft(actor=cast.bob, task_id=task.pk, draft={"approved": "perhaps"}).version == 2


def test_a_draft_written_over_a_newer_one_is_refused(cast: Cast) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    services.save_draft(actor=cast.bob, task_id=task.pk, draft={"note": "first window"}, if_match=1)
    with pytest.raises(StaleVersion):
        services.save_draft(actor=cast.bob, task_id=task.pk, draft={"note": "second window"}, if_match=1)
    assert Task.objects.get(pk=task.pk).draft == {"note": "first window"}


@pytest.mark.parametrize(
    ("draft", "error"),
    [
        ([1], Unprocessable),
        ("x", Unprocessable),
        ({"a": "\x00"}, Unprocessable),
        ({"a": "x" * 300_000}, PayloadTooLarge),
    ],
)
def test_what_is_no_draft_is_refused(cast: Cast, draft: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        services.save_draft(actor=cast.bob, task_id=ManualTaskFactory().pk, draft=draft)


def test_a_workers_task_cannot_be_claimed(cast: Cast) -> None:
    task = ManualTaskFactory(type=Task.Type.AUTOMATED)
    with pytest.raises(Conflict) as refused:
        services.claim(actor=cast.bob, task_id=task.pk)
    assert refused.value.code == "not-manual"
