"""Who a task goes to: users, teams, roles, due times, priorities; a typing error never loses a task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.auth.models import User
from apps.auth.tests.factories import Cast, UserFactory
from apps.tasks.assignment import manual_parameters, resolve, resolve_many

from .factories import APPROVAL_FORM, human_document

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_an_assignee_may_be_a_user_by_name_or_id(cast: Cast) -> None:
    for name in ("bob", "BOB", str(cast.bob.pk)):
        found = resolve({"assignee": name}, now=NOW)
        assert (found.assignee_id, found.status, found.manual) == (cast.bob.pk, "ASSIGNED", {})


def test_an_assignee_may_be_a_team_or_a_role(cast: Cast) -> None:
    for name in ("managers", "manager"):
        found = resolve({"assignee": name, "assigneeRole": "user"}, now=NOW)
        assert (found.assignee_id, found.status, found.candidate_groups) == (None, "PENDING", [name, "user"])


@pytest.mark.parametrize(
    "parameters",
    [{"assignee": "nobody"}, {"assignee": "gone"}, {"dueIn": "soon"}, {"dueAt": "tomorrow"}, {"assignee": 7}],
)
def test_what_cannot_be_understood_is_said_and_loses_nothing(cast: Cast, parameters: dict[str, Any]) -> None:
    UserFactory(username="gone", status=User.Status.INACTIVE)
    found = resolve({"title": "T", "candidateUsers": ["bob"], **parameters}, now=NOW)
    assert (found.assignee_id, found.candidate_users) == (None, ["bob"])
    assert "assignmentProblem" in found.manual


def test_due_times_and_priorities(cast: Cast) -> None:
    found = resolve({"dueIn": "P1DT2H", "priority": "high"}, now=NOW)
    assert (found.due_at, found.priority) == (NOW + timedelta(days=1, hours=2), 2)
    assert resolve({"dueAt": "2026-06-01T00:00:00Z"}, now=NOW).due_at == datetime(2026, 6, 1, tzinfo=UTC)
    assert resolve({"priority": "whatever"}, now=NOW).priority == 1


def test_the_rest_of_the_parameters_is_kept(cast: Cast) -> None:
    found = resolve({"sla": "PT4H", "escalation": [{"after": "PT2H", "to": "alice"}], "title": None}, now=NOW)
    assert found.manual == {"sla": "PT4H", "escalation": [{"after": "PT2H", "to": "alice"}]}
    assert found.actions == [{"actionKey": "complete", "label": "Complete", "style": "primary"}]


def test_many_tasks_cost_a_fixed_number_of_queries(cast: Cast, django_assert_max_num_queries: Any) -> None:
    wanted = [{"assignee": name} for name in ("bob", "alice", "managers", "manager", "nobody")] * 20
    with django_assert_max_num_queries(3):
        found = resolve_many(wanted, now=NOW)
    assert len(found) == 100
    assert found[0].assignee_id == cast.bob.pk


def test_a_definition_gives_title_and_form(cast: Cast) -> None:
    assert manual_parameters(human_document())["taskForm"] == APPROVAL_FORM
    document = human_document()
    del document["implementation"]["parameters"]["taskForm"]
    document["outputSchema"] = {"type": "object"}
    assert manual_parameters(document)["taskForm"] == {"type": "object"}
    document["uiComponents"] = [{"componentId": "approval"}]
    parameters = manual_parameters(document)
    assert (parameters["taskForm"], parameters["title"]) == ({"componentId": "approval"}, "Approve a purchase")
