"""Who a person's task goes to: from the evaluated manual parameters of a definition to the columns of `Task`.

`assignee` may name a user (username or id), a team or a role; `assigneeRole` a role. A name that is nobody's leaves the
task unassigned and says so in `manual.assignmentProblem`, because a task must never be lost over a typing error; those
who manage tasks see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import Q

from apps.auth.models import Role, User
from apps.validation.durations import DurationError, parse_duration

from .models import Priority

# What has a column of its own; the rest of the parameters is kept in `Task.manual`.
_COLUMNS = frozenset(
    {"title", "description", "assignee", "assigneeRole", "candidateUsers", "candidateGroups", "dueIn", "dueAt",
     "priority", "taskForm", "form", "actions"}
)  # fmt: skip

DEFAULT_ACTIONS = [{"actionKey": "complete", "label": "Complete", "style": "primary"}]


@dataclass(frozen=True, slots=True)
class Assignment:
    """Column values for a new task of a person; `assignee_id` None means PENDING, otherwise ASSIGNED."""

    title: str
    description: str
    form: Any
    actions: list[dict[str, Any]]
    assignee_id: UUID | None
    candidate_users: list[str]
    candidate_groups: list[str]
    due_at: datetime | None
    priority: int
    manual: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The status a task with this assignment begins in."""
        return "PENDING" if self.assignee_id is None else "ASSIGNED"

    def columns(self) -> dict[str, Any]:
        """Keyword arguments for `Task`."""
        return {
            "status": self.status,
            "title": self.title,
            "description": self.description,
            "form": self.form,
            "actions": self.actions,
            "assignee_id": self.assignee_id,
            "candidate_users": self.candidate_users,
            "candidate_groups": self.candidate_groups,
            "due_at": self.due_at,
            "priority": self.priority,
            "manual": self.manual or None,
        }


def manual_parameters(document: Mapping[str, Any]) -> dict[str, Any]:
    """The manual parameters of a HUMAN task definition, completed from the rest of the document.

    The title is the definition's name, the form its `taskForm`, else its first UI component, else its `outputSchema`.
    """
    parameters = dict((document.get("implementation") or {}).get("parameters") or {})
    parameters.setdefault("title", document.get("name") or document.get("taskId", ""))
    parameters.setdefault("description", document.get("description", ""))
    if "taskForm" not in parameters and "form" not in parameters:
        components = document.get("uiComponents") or []
        form = {"componentId": components[0]["componentId"]} if components else document.get("outputSchema")
        if form is not None:
            parameters["taskForm"] = form
    return parameters


def resolve(parameters: Mapping[str, Any], *, now: datetime) -> Assignment:
    """One assignment; see `resolve_many`."""
    return resolve_many([parameters], now=now)[0]


def resolve_many(parameters: Sequence[Mapping[str, Any]], *, now: datetime) -> list[Assignment]:
    """Assignments for many evaluated parameter objects with at most three queries, in the same order. Never raises."""
    wanted = {name for each in parameters if (name := _text(each.get("assignee")))}
    users = _users_by_name(wanted)
    others = _groups_and_roles(wanted - users.keys())
    return [_resolve(each, users, others, now) for each in parameters]


def _resolve(
    parameters: Mapping[str, Any], users: Mapping[str, UUID], others: frozenset[str], now: datetime
) -> Assignment:
    problems: list[str] = []
    groups = _names(parameters.get("candidateGroups"))
    assignee = _text(parameters.get("assignee"))
    assignee_id = users.get(assignee) if assignee else None
    if assignee and assignee_id is None:
        if assignee in others:
            groups.append(assignee)
        else:
            problems.append(f"{assignee!r} is no active user, team or role")
    if role := _text(parameters.get("assigneeRole")):
        groups.append(role)
    manual = {name: value for name, value in parameters.items() if name not in _COLUMNS and value is not None}
    due_at = _due_at(parameters, now, problems)
    if problems:
        manual["assignmentProblem"] = "; ".join(problems)
    form = parameters.get("taskForm", parameters.get("form"))
    return Assignment(
        title=_text(parameters.get("title"))[:255],
        description=_text(parameters.get("description")),
        form={"componentId": form} if isinstance(form, str) else form,
        actions=[action for action in parameters.get("actions") or () if isinstance(action, dict)] or DEFAULT_ACTIONS,
        assignee_id=assignee_id,
        candidate_users=_unique(_names(parameters.get("candidateUsers"))),
        candidate_groups=_unique(groups),
        due_at=due_at,
        priority=priority_of(parameters.get("priority")),
        manual=manual,
    )


def priority_of(name: Any) -> int:
    """LOW, MEDIUM, HIGH or CRITICAL in any case; anything else is MEDIUM."""
    return int(Priority.__members__.get(str(name).upper(), Priority.MEDIUM))


def _due_at(parameters: Mapping[str, Any], now: datetime, problems: list[str]) -> datetime | None:
    if due_at := parameters.get("dueAt"):
        try:
            given = due_at if isinstance(due_at, datetime) else datetime.fromisoformat(str(due_at))
            return given if given.tzinfo else given.replace(tzinfo=now.tzinfo)
        except ValueError:
            problems.append(f"dueAt {due_at!r} is not a date and time")
    if due_in := parameters.get("dueIn"):
        try:
            return now + (due_in if isinstance(due_in, timedelta) else parse_duration(str(due_in)))
        except (DurationError, OverflowError):
            problems.append(f"dueIn {due_in!r} is not a duration")
    return None


def _users_by_name(names: Iterable[str]) -> dict[str, UUID]:
    names = set(names)
    if not names:
        return {}
    ids = {str(parsed): name for name in names if (parsed := _uuid(name)) is not None}
    matching = Q(username__in={User.normalize_username(name) for name in names}) | Q(pk__in=list(ids))
    found: dict[str, UUID] = {}
    for pk, username in User.objects.filter(matching, status=User.Status.ACTIVE).values_list("pk", "username"):
        found[username] = pk
        if str(pk) in ids:
            found[ids[str(pk)]] = pk
    return {name: found[key] for name in names if (key := _known(name, found)) is not None}


def _known(name: str, found: Mapping[str, UUID]) -> str | None:
    return next((key for key in (name, User.normalize_username(name)) if key in found), None)


def _groups_and_roles(names: set[str]) -> frozenset[str]:
    if not names:
        return frozenset()
    return frozenset(Group.objects.filter(name__in=names).values_list("name", flat=True)) | frozenset(
        Role.objects.filter(name__in=names).values_list("name", flat=True)
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def _names(value: Any) -> list[str]:
    """A list of names, or one name, as a list of texts."""
    if value is None:
        return []
    return [name for item in (value if isinstance(value, list) else [value]) if (name := _text(item)[:150])]


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))
