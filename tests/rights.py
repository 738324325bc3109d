"""Who may do what over HTTP: every route and method, for every kind of caller, on their own and on others' objects.

A row is one method of one route. Its columns are the callers:

* anonymous, charlie (signed in, without any role)
* bob, a manager: the run and task that are "own" to him are those that he is assigned to
* robot, a service: the "own" run is the one it started
* alice, designer and operator, and admin: theirs is whatever they have the permission for, whoever owns it

A cell is the answer's status; ``.`` stands for success. Routes that concern one run or task have a second line for one
that neither bob nor robot has anything to do with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.auth.models import User
from apps.auth.services import put_secret
from apps.auth.tests.factories import Cast, UserFactory
from apps.events.models import DeadLetter, Event, SequenceRun
from apps.events.sequences.kind import SEQUENCE
from apps.events.services import NewEvent, dead_letters, queues, record_events, sequences
from apps.events.tests.factories import EventDefinitionFactory, shipped
from apps.events.tests.sequences import begun_run, pair
from apps.integrations.services import subscriptions, webhooks
from apps.tasks.models import Task, TaskAttachment
from apps.tasks.tests.factories import TaskDefinitionFactory, expression_document
from apps.validation.definitions import services as definition_services
from apps.workflows.models import BulkOperation, WorkflowDefinition, WorkflowInstance
from apps.workflows.services import bulk, instances, schedules, triggers
from apps.workflows.tests.factories import (
    CalendarDefinitionFactory,
    WorkflowDefinitionFactory,
    approval,
    greeting,
    nap,
    office,
    published,
    started,
)

_SCHEDULE = {"workflowId": "nap", "interval": "PT1H"}
_TRIGGER = {"workflowId": "nap", "eventPattern": "orders.shipped"}
_HOOK = {"webhookId": "open", "path": "open", "auth": {"kind": "none"}}
_POST = {"subscriptionId": "open", "url": "https://partner.invalid/", "eventPatterns": ["nothing.*"]}
CALLERS = ("anonymous", "charlie", "bob", "robot", "alice", "admin")


@dataclass
class World:
    """The objects that routes name, by "own" and "other"."""

    users: dict[str, User | None]
    runs: dict[str, WorkflowInstance]
    tasks: dict[str, Task]
    files: dict[str, TaskAttachment]
    bulks: dict[str, BulkOperation]
    letter: DeadLetter
    sequence_run: SequenceRun

    def address(self, route: str, whose: str) -> str:
        """The route's pattern with ids put in."""
        named = {
            "/queues/": "rights",
            "/webhooks/": "open",
            "/sequences/": "pair",
            "tasks/": "greet",
            "/schedules/": "nap",
            "/triggers/": "nap",
            "/calendars/": "office",
            "events/": "OrderEvents.shipped",
        }
        definition = next((key for part, key in named.items() if part in route), "greeting")
        for pattern, value in {
            "<uuid:instance_id>": self.runs[whose].id,
            "<uuid:task_id>": self.tasks[whose].id,
            "<uuid:attachment_id>": self.files[whose].id,
            "<path:schema_id>": "workflow",
            "<uuid:bulk_id>": self.bulks[whose].id,
            "<uuid:letter_id>": self.letter.id,
            "<path:event_id>": self.letter.event_id,
            "<uuid:run_id>": self.sequence_run.id,
            "<str:key>": definition,
            "<str:name>": "rights",
            "<path:path>": "open",
            "<str:version>": "1.0.0",
        }.items():
            route = route.replace(pattern, str(value))
        return f"/{route}"


def make_world(cast: Cast) -> World:
    robot = UserFactory(username="robot", roles=["service"])
    users = {"anonymous": None, "charlie": cast.charlie, "bob": cast.bob, "robot": robot}
    published(greeting())
    WorkflowDefinitionFactory(
        document=greeting(version="1.1.0"), status=WorkflowDefinition.Status.DRAFT, published_at=None
    )
    published(nap())
    published(approval())
    WorkflowDefinitionFactory(document=approval(version="2.0.0"))
    TaskDefinitionFactory(document=expression_document() | {"taskId": "greet"})
    TaskDefinitionFactory(
        document=expression_document() | {"taskId": "greet", "version": "1.1.0"}, status="draft", published_at=None
    )
    schedules.save(actor=cast.admin, document=_SCHEDULE)
    triggers.save(actor=cast.admin, document=_TRIGGER)
    for version, state in (("1.0.0", "published"), ("1.1.0", "draft")):
        CalendarDefinitionFactory(document=office(version=version), status=state)
    EventDefinitionFactory()
    EventDefinitionFactory(document=shipped(version="1.1.0"), status="draft", published_at=None)
    put_secret(actor=cast.admin, name="rights", value="a value of ours")
    webhooks.save(actor=cast.admin, document=_HOOK)
    subscriptions.save(actor=cast.admin, document=_POST)
    runs = {
        "own": started(robot, "approval", version="1.0.0"),
        "other": started(cast.admin, "approval", version="1.0.0"),
    }
    Task.objects.filter(workflow_instance_id=runs["own"].id).update(assignee=cast.bob, status="ASSIGNED")
    Task.objects.filter(workflow_instance_id=runs["other"].id).update(candidate_groups=["auditors"])
    tasks = {whose: Task.objects.get(workflow_instance_id=run.id) for whose, run in runs.items()}
    files = {
        whose: TaskAttachment.objects.create(
            task=task, file=SimpleUploadedFile("a.txt", b"a"), name="a.txt", content_type="text/plain", size=1,
            uploaded_by=cast.admin,
        )
        for whose, task in tasks.items()
    }  # fmt: skip
    bulks = {
        whose: bulk.begin(actor=actor, operation="resume", ids=[runs[whose].id])
        for whose, actor in {"own": robot, "other": cast.admin}.items()
    }
    record_events([NewEvent("rights-1", "orders.shipped", {"orderId": "ORD-1"}, {"type": "system"})])
    event = Event.objects.get(event_id="rights-1").stored()
    dead_letters.refuse(event.document, "trigger:gone", {"type": "PERMANENT", "code": "GONE", "message": "Gone."})
    queues.save(actor=cast.admin, key="rights", document={"patterns": ["rights.*"]})
    letter = DeadLetter.objects.get()
    sequence_run = begun_run(cast.admin)
    definition_services.save_draft(SEQUENCE, actor=cast.admin, document=pair(version="1.1.0"))
    return World(users | {"alice": cast.alice, "admin": cast.admin}, runs, tasks, files, bulks, letter, sequence_run)


# What must be so before a verb makes sense.


def _suspended(world: World) -> None:
    admin = world.users["admin"]
    for run in world.runs.values():
        instances.suspend(actor=admin, instance_id=run.id, reason="x")


def _cancelled(world: World) -> None:
    admin = world.users["admin"]
    for run in world.runs.values():
        instances.cancel(actor=admin, instance_id=run.id, reason="x")


def _resting(world: World) -> None:
    schedules.pause(actor=world.users["admin"], key="nap")
    triggers.pause(actor=world.users["admin"], key="nap")


def _failed_sequence(world: World) -> None:
    sequences.fail(actor=world.users["admin"], run_id=world.sequence_run.id, notes="x")


def _paused_queue(world: World) -> None:
    queues.pause(actor=world.users["admin"], key="rights")


def _silent(world: World) -> None:
    webhooks.pause(actor=world.users["admin"], key="open")
    subscriptions.pause(actor=world.users["admin"], key="open")


def _free(world: World) -> None:
    Task.objects.filter(id=world.tasks["own"].id).update(assignee=None, status="PENDING", candidate_groups=["managers"])


def _done_alone(world: World) -> None:
    Task.objects.all().update(status="COMPLETED", completed_at=timezone.now(), workflow_instance_id=None)


def upload() -> dict[str, Any]:
    return {"file": SimpleUploadedFile("note.txt", b"hello", content_type="text/plain")}


@dataclass(frozen=True)
class Row:
    """``method route``, what is sent, what must be so before, and the expected statuses."""

    name: str
    own: str
    other: str = ""
    body: Any = None
    query: str = ""
    before: Callable[[World], None] | None = None
    upload: bool = False

    @property
    def method(self) -> str:
        return self.name.split()[0].lower()

    @property
    def route(self) -> str:
        return self.name.split()[1]


_RUN = "api/v1/workflows/instances/<uuid:instance_id>"
_FLOW = "api/v1/workflows/definitions"
_TASK = "api/v1/tasks/<uuid:task_id>"
_KIND = "api/v1/tasks/definitions"
_SECRET = "api/v1/secrets/<str:name>"
_WEBHOOK = "api/v1/webhooks/<str:key>"
_SUBSCRIPTION = "api/v1/webhooks/subscriptions/<str:key>"
_SAID = "api/v1/events/definitions"
_EVENT = "api/v1/events"
_LETTER = f"{_EVENT}/dead-letters"
_QUEUE = f"{_EVENT}/queues"
_ORDER = f"{_EVENT}/sequences"
_RUN_OF = f"{_ORDER}/runs/<uuid:run_id>"
_CHECK = "api/v1/validation"
_FORM = {"action": "approve", "output": {}}
_SIGN_IN = {"username": "alice", "password": "augmented"}
_TASK_DOCUMENT = expression_document() | {"taskId": "another"}
_NOBODYS = "01890000-0000-7000-8000-000000000001"
_PLAN = "api/v1/workflows/schedules"
_WAKE = "api/v1/workflows/triggers"
_DAYS = "api/v1/workflows/calendars"
_FLOW_START = {"workflowId": "nap"}
_BULK = {"operation": "suspend", "filter": {"workflowId": "approval"}}

# fmt: off
ROWS = (
    #                                   anonymous charlie bob robot alice admin
    Row("GET healthz",                           ".   .   .   .   .   ."),
    Row("GET readyz",                            ".   .   .   .   .   ."),
    Row("GET metrics",                           "401 403 403 403 .   ."),
    Row("GET .well-known/jwks.json",             ".   .   .   .   .   ."),
    Row("GET api/schema/",                       ".   .   .   .   .   ."),
    Row("GET api/docs/",                         ".   .   .   .   .   ."),

    Row("POST api/v1/auth/login",                ".   .   .   .   .   .", body=_SIGN_IN),
    Row("POST api/v1/auth/refresh",              "401 401 401 401 401 401", body={"refresh": "made-up"}),
    Row("POST api/v1/auth/logout",               ".   .   .   .   .   .", body={"refresh": "made-up"}),
    Row("GET api/v1/me",                         "401 .   .   .   .   ."),
    Row("GET api/v1/users",                      "401 403 403 403 .   ."),
    Row("GET api/v1/roles",                      "401 403 403 403 .   ."),
    Row("GET api/v1/audit",                      "401 403 403 403 403 ."),
    Row("GET api/v1/secrets",                    "401 403 403 403 .   ."),
    Row(f"GET {_SECRET}",                        "401 403 403 403 .   ."),
    Row(f"PUT {_SECRET}",                        "401 403 403 403 403 .", body={"generate": True}),
    Row(f"DELETE {_SECRET}",                     "401 403 403 403 403 ."),
    Row(f"POST {_SECRET}/rotate",                "401 403 403 403 403 .", body={}),

    Row("POST hooks/<path:path>",                ".   .   .   .   .   .", body={"a": 1}),
    Row("PUT hooks/<path:path>",                 ".   .   .   .   .   .", body={"a": 1}),
    Row("GET api/v1/webhooks",                   "401 403 403 403 .   ."),
    Row("POST api/v1/webhooks",                  "401 403 403 403 .   .", body=_HOOK),
    Row(f"GET {_WEBHOOK}",                       "401 403 403 403 .   ."),
    Row(f"PUT {_WEBHOOK}",                       "401 403 403 403 .   .", body=_HOOK),
    Row(f"DELETE {_WEBHOOK}",                    "401 403 403 403 .   ."),
    Row(f"POST {_WEBHOOK}/pause",                "401 403 403 403 .   .", body={}),
    Row(f"POST {_WEBHOOK}/resume",               "401 403 403 403 .   .", body={}, before=_silent),
    Row(f"GET {_WEBHOOK}/deliveries",            "401 403 403 403 .   ."),
    Row(f"POST {_WEBHOOK}/test",                 "401 403 403 403 .   .", body={"body": {"a": 1}}),
    Row("GET api/v1/webhooks/subscriptions",     "401 403 403 403 .   ."),
    Row("POST api/v1/webhooks/subscriptions",    "401 403 403 403 .   .", body=_POST),
    Row(f"GET {_SUBSCRIPTION}",                  "401 403 403 403 .   ."),
    Row(f"PUT {_SUBSCRIPTION}",                  "401 403 403 403 .   .", body=_POST),
    Row(f"DELETE {_SUBSCRIPTION}",               "401 403 403 403 .   ."),
    Row(f"POST {_SUBSCRIPTION}/pause",           "401 403 403 403 .   .", body={}),
    Row(f"POST {_SUBSCRIPTION}/resume",          "401 403 403 403 .   .", body={}, before=_silent),
    Row(f"GET {_SUBSCRIPTION}/deliveries",       "401 403 403 403 .   ."),
    Row(f"POST {_SUBSCRIPTION}/ping",            "401 403 403 403 .   .", body={}),

    Row(f"GET {_CHECK}/schemas",                 "401 403 .   .   .   ."),
    Row(f"GET {_CHECK}/schemas/<path:schema_id>", "401 403 .   .   .   ."),
    Row(f"POST {_CHECK}/validate",               "401 403 .   .   .   .", body={"schemaId": "workflow", "data": {}}),
    Row(f"POST {_CHECK}/validate/batch",         "401 403 .   .   .   .",
        body={"items": [{"schemaId": "workflow", "data": {}}]}),
    Row(f"POST {_CHECK}/expressions",            "401 403 .   .   .   .", body={"expression": "1 + 1"}),

    Row("POST api/v1/bundles",                   "401 403 403 403 .   .", body={"kind": "workflow", **nap()}),
    Row("POST api/v1/bundles/convert",           "401 403 .   .   .   .", body={"kind": "workflow", **nap()}),

    Row(f"GET {_FLOW}",                          "401 403 403 403 .   ."),
    Row(f"POST {_FLOW}",                         "401 403 403 403 .   .", body=nap(workflowId="new")),
    Row(f"POST {_FLOW}/validate",                "401 403 403 403 .   .", body=nap()),
    Row(f"POST {_FLOW}/dry-run",                 "401 403 403 403 .   .", body={"definition": nap()}),
    Row(f"GET {_FLOW}/<str:key>",                "401 403 403 403 .   ."),
    Row(f"PUT {_FLOW}/<str:key>",                "401 403 403 403 .   .", body=greeting(version="3.0.0")),
    Row(f"DELETE {_FLOW}/<str:key>",             "401 403 403 403 .   ."),
    Row(f"POST {_FLOW}/<str:key>/publish",       "401 403 403 403 .   .", body={}),
    Row(f"GET {_FLOW}/<str:key>/versions",       "401 403 403 403 .   ."),
    Row(f"GET {_FLOW}/<str:key>/versions/<str:version>", "401 403 403 403 .   ."),
    Row(f"GET {_FLOW}/<str:key>/diff",           "401 403 403 403 .   .", query="?from=1.0.0&to=1.1.0"),
    Row(f"GET {_FLOW}/<str:key>/impact",         "401 403 403 403 .   ."),
    Row(f"GET {_FLOW}/<str:key>/verdict",        "401 403 403 403 .   .", query="?from=1.0.0&to=1.1.0"),
    Row(f"POST {_FLOW}/<str:key>/migrate",       "401 403 403 .   .   .", body={"from": "1.1.0", "to": "1.0.0"}),
    Row(f"GET {_FLOW}/<str:key>/traffic",        "401 403 403 403 .   ."),
    Row(f"PUT {_FLOW}/<str:key>/traffic",        "401 403 403 403 .   .", body={"versions": {"1.0.0": 100}}),
    Row(f"DELETE {_FLOW}/<str:key>/traffic",     "401 403 403 403 .   ."),
    Row(f"POST {_FLOW}/<str:key>/impact",        "401 403 403 403 .   .", body=greeting(version="3.0.0")),

    Row(f"GET {_PLAN}",                          "401 403 403 403 .   ."),
    Row(f"POST {_PLAN}",                         "401 403 403 403 .   .", body=_SCHEDULE),
    Row(f"POST {_PLAN}/preview",                 "401 403 403 403 .   .", body=_SCHEDULE),
    Row(f"GET {_PLAN}/<str:key>",                "401 403 403 403 .   ."),
    Row(f"PUT {_PLAN}/<str:key>",                "401 403 403 403 .   .", body=_SCHEDULE),
    Row(f"DELETE {_PLAN}/<str:key>",             "401 403 403 403 .   ."),
    Row(f"GET {_PLAN}/<str:key>/preview",        "401 403 403 403 .   ."),
    Row(f"POST {_PLAN}/<str:key>/pause",         "401 403 403 403 .   .", body={}),
    Row(f"POST {_PLAN}/<str:key>/resume",        "401 403 403 403 .   .", body={}, before=_resting),
    Row(f"POST {_PLAN}/<str:key>/fire",          "401 403 403 403 .   .", body={}),
    Row(f"GET {_PLAN}/<str:key>/fires",          "401 403 403 403 .   ."),

    Row(f"GET {_WAKE}",                          "401 403 403 403 .   ."),
    Row(f"POST {_WAKE}",                         "401 403 403 403 .   .", body=_TRIGGER),
    Row(f"POST {_WAKE}/test",                    "401 403 403 403 .   .", body={"event": {"pattern": "a.b"}}),
    Row(f"GET {_WAKE}/<str:key>",                "401 403 403 403 .   ."),
    Row(f"PUT {_WAKE}/<str:key>",                "401 403 403 403 .   .", body=_TRIGGER),
    Row(f"DELETE {_WAKE}/<str:key>",             "401 403 403 403 .   ."),
    Row(f"POST {_WAKE}/<str:key>/pause",         "401 403 403 403 .   .", body={}),
    Row(f"POST {_WAKE}/<str:key>/resume",        "401 403 403 403 .   .", body={}, before=_resting),
    Row(f"GET {_WAKE}/<str:key>/deliveries",     "401 403 403 403 .   ."),

    Row(f"GET {_DAYS}",                          "401 403 403 403 .   ."),
    Row(f"POST {_DAYS}",                         "401 403 403 403 .   .", body=office(calendarId="new")),
    Row(f"POST {_DAYS}/validate",                "401 403 403 403 .   .", body=office()),
    Row(f"GET {_DAYS}/<str:key>",                "401 403 403 403 .   ."),
    Row(f"PUT {_DAYS}/<str:key>",                "401 403 403 403 .   .", body=office(version="3.0.0")),
    Row(f"DELETE {_DAYS}/<str:key>",             "401 403 403 403 .   ."),
    Row(f"POST {_DAYS}/<str:key>/publish",       "401 403 403 403 .   .", body={}),
    Row(f"GET {_DAYS}/<str:key>/versions",       "401 403 403 403 .   ."),
    Row(f"GET {_DAYS}/<str:key>/versions/<str:version>", "401 403 403 403 .   ."),
    Row(f"GET {_DAYS}/<str:key>/diff",           "401 403 403 403 .   .", query="?from=1.0.0&to=1.1.0"),
    Row(f"GET {_DAYS}/<str:key>/impact",         "401 403 403 403 .   ."),
    Row(f"POST {_DAYS}/<str:key>/impact",        "401 403 403 403 .   .", body=office(version="3.0.0")),

    Row("GET api/v1/workflows/instances",        "401 .   .   .   .   ."),
    Row("POST api/v1/workflows/instances",       "401 403 403 .   .   .", body=_FLOW_START),
    Row("POST api/v1/workflows/instances/batch", "401 403 403 .   .   .", body={"instances": [_FLOW_START]}),
    Row("GET api/v1/workflows/instances/bulk",   "401 .   .   .   .   ."),
    Row("POST api/v1/workflows/instances/bulk",  "401 403 403 .   .   .", body=_BULK),
    Row("POST api/v1/workflows/instances/bulk/preview", "401 403 403 .   .   .", body=_BULK),
    Row("GET api/v1/workflows/instances/bulk/<uuid:bulk_id>", "401 404 404 .   .   .", "401 404 404 404 .   ."),
    Row("POST api/v1/workflows/instances/bulk/<uuid:bulk_id>/cancel", "401 404 404 .   .   .",
        "401 404 404 404 .   .", body={}),
    Row(f"GET {_RUN}",                           "401 404 .   .   .   .", "401 404 404 404 .   ."),
    Row(f"GET {_RUN}/history",                   "401 404 .   .   .   .", "401 404 404 404 .   ."),
    Row(f"GET {_RUN}/explain",                   "401 404 .   .   .   .", "401 404 404 404 .   ."),
    Row(f"POST {_RUN}/cancel",                   "401 404 403 .   .   .", "401 404 404 404 .   .", body={}),
    Row(f"POST {_RUN}/suspend",                  "401 404 403 .   .   .", "401 404 404 404 .   .", body={}),
    Row(f"POST {_RUN}/resume",                   "401 404 403 .   .   .", "401 404 404 404 .   .", body={},
        before=_suspended),
    Row(f"POST {_RUN}/retry",                    "401 404 403 .   .   .", "401 404 404 404 .   .",
        body={"stepId": "ask"}, before=_cancelled),
    Row(f"POST {_RUN}/skip",                     "401 404 403 .   .   .", "401 404 404 404 .   .",
        body={"outcome": "approve"}),
    Row(f"POST {_RUN}/move",                     "401 404 403 .   .   .", "401 404 404 404 .   .", body={"to": "no"}),
    Row(f"POST {_RUN}/preview",                  "401 404 403 .   .   .", "401 404 404 404 .   .",
        body={"operation": "cancel"}),
    Row(f"POST {_RUN}/signal",                   "401 404 403 409 409 409", "401 404 404 404 409 409",
        body={"name": "not.awaited"}),
    Row(f"POST {_RUN}/migrate",                  "401 404 403 .   .   .", "401 404 404 404 .   .",
        body={"version": "2.0.0"}),
    Row("GET api/v1/workflows/subscriptions",    "401 .   .   .   .   ."),

    Row(f"GET {_SAID}",                          "401 403 403 403 .   ."),
    Row(f"POST {_SAID}",                         "401 403 403 403 .   .", body=shipped(version="3.0.0")),
    Row(f"POST {_SAID}/validate",                "401 403 403 403 .   .", body=shipped()),
    Row(f"GET {_SAID}/<str:key>",                "401 403 403 403 .   ."),
    Row(f"PUT {_SAID}/<str:key>",                "401 403 403 403 .   .", body=shipped(version="3.0.0")),
    Row(f"DELETE {_SAID}/<str:key>",             "401 403 403 403 .   ."),
    Row(f"POST {_SAID}/<str:key>/publish",       "401 403 403 403 .   .", body={}),
    Row(f"GET {_SAID}/<str:key>/versions",       "401 403 403 403 .   ."),
    Row(f"GET {_SAID}/<str:key>/versions/<str:version>", "401 403 403 403 .   ."),
    Row(f"GET {_SAID}/<str:key>/diff",           "401 403 403 403 .   .", query="?from=1.0.0&to=1.1.0"),
    Row(f"GET {_SAID}/<str:key>/impact",         "401 403 403 403 .   ."),
    Row(f"POST {_SAID}/<str:key>/impact",        "401 403 403 403 .   .", body=shipped(version="3.0.0")),
    Row(f"POST {_SAID}/<str:key>/try",           "401 403 403 403 .   .", body={"payload": {"orderId": "ORD-2"}}),

    Row(f"GET {_QUEUE}",                         "401 403 403 403 .   ."),
    Row(f"GET {_QUEUE}/<str:key>",               "401 403 403 403 .   ."),
    Row(f"PUT {_QUEUE}/<str:key>",               "401 403 403 403 .   .", body={"patterns": ["rights.*"]}),
    Row(f"DELETE {_QUEUE}/<str:key>",            "401 403 403 403 .   ."),
    Row(f"POST {_QUEUE}/<str:key>/pause",        "401 403 403 403 .   .", body={}),
    Row(f"POST {_QUEUE}/<str:key>/resume",       "401 403 403 403 .   .", body={}, before=_paused_queue),
    Row(f"POST {_QUEUE}/<str:key>/drain",        "401 403 403 403 .   .", body={}),
    Row(f"GET {_QUEUE}/<str:key>/checkpoints",   "401 403 403 403 .   ."),
    Row(f"GET {_QUEUE}/<str:key>/minutes",       "401 403 403 403 .   ."),
    Row(f"GET {_LETTER}",                        "401 403 403 403 .   ."),
    Row(f"GET {_LETTER}/groups",                 "401 403 403 403 .   ."),
    Row(f"POST {_LETTER}/replay",                "401 403 403 403 .   .", body={"filter": {"kind": "trigger"}}),
    Row(f"POST {_LETTER}/discard",               "401 403 403 403 .   .",
        body={"filter": {"kind": "trigger"}, "notes": "x"}),
    Row(f"GET {_LETTER}/<uuid:letter_id>",       "401 403 403 403 .   ."),
    Row(f"POST {_LETTER}/<uuid:letter_id>/replay", "401 403 403 403 .   .", body={}),
    Row(f"POST {_LETTER}/<uuid:letter_id>/discard", "401 403 403 403 .   .", body={"notes": "x"}),
    Row(f"POST {_LETTER}/<uuid:letter_id>/resolve", "401 403 403 403 .   .", body={"notes": "x"}),
    Row(f"GET {_ORDER}",                         "401 403 403 403 .   ."),
    Row(f"POST {_ORDER}",                        "401 403 403 403 .   .", body=pair(version="2.0.0")),
    Row(f"POST {_ORDER}/validate",               "401 403 403 403 .   .", body=pair()),
    Row(f"GET {_ORDER}/<str:key>",               "401 403 403 403 .   ."),
    Row(f"PUT {_ORDER}/<str:key>",               "401 403 403 403 .   .", body=pair(version="2.0.0")),
    Row(f"DELETE {_ORDER}/<str:key>",            "401 403 403 403 .   ."),
    Row(f"POST {_ORDER}/<str:key>/publish",      "401 403 403 403 .   .", body={"version": "1.1.0"}),
    Row(f"GET {_ORDER}/<str:key>/versions",      "401 403 403 403 .   ."),
    Row(f"GET {_ORDER}/<str:key>/versions/<str:version>", "401 403 403 403 .   ."),
    Row(f"GET {_ORDER}/<str:key>/diff",          "401 403 403 403 .   .", query="?from=1.0.0&to=1.1.0"),
    Row(f"GET {_ORDER}/<str:key>/impact",        "401 403 403 403 .   ."),
    Row(f"POST {_ORDER}/<str:key>/impact",       "401 403 403 403 .   .", body=pair(version="2.0.0")),
    Row(f"GET {_ORDER}/<str:key>/runs",          "401 403 403 403 .   ."),
    Row(f"GET {_RUN_OF}",                        "401 403 403 403 .   ."),
    Row(f"POST {_RUN_OF}/retry",                 "401 403 403 403 .   .", body={}, before=_failed_sequence),
    Row(f"POST {_RUN_OF}/resolve",               "401 403 403 403 .   .", body={"notes": "x"}, before=_failed_sequence),
    Row(f"POST {_RUN_OF}/skip",                  "401 403 403 403 .   .", body={"member": "answered", "notes": "x"}),
    Row(f"POST {_RUN_OF}/fail",                  "401 403 403 403 .   .", body={"notes": "x"}),
    Row(f"GET {_EVENT}",                         "401 403 403 403 .   ."),
    Row(f"POST {_EVENT}",                        "401 403 403 .   .   .", body={"pattern": "rights.checked"}),
    Row(f"GET {_EVENT}/<path:event_id>",         "401 403 403 403 .   ."),
    Row(f"GET {_EVENT}/<path:event_id>/story",   "401 403 403 403 .   ."),

    Row(f"GET {_KIND}",                          "401 403 403 .   .   ."),
    Row(f"POST {_KIND}",                         "401 403 403 403 .   .", body=_TASK_DOCUMENT),
    Row(f"POST {_KIND}/validate",                "401 403 403 .   .   .", body=_TASK_DOCUMENT),
    Row(f"GET {_KIND}/<str:key>",                "401 403 403 .   .   ."),
    Row(f"PUT {_KIND}/<str:key>",                "401 403 403 403 .   .",
        body=_TASK_DOCUMENT | {"taskId": "greet", "version": "3.0.0"}),
    Row(f"DELETE {_KIND}/<str:key>",             "401 403 403 403 .   ."),
    Row(f"POST {_KIND}/<str:key>/publish",       "401 403 403 403 .   .", body={}),
    Row(f"GET {_KIND}/<str:key>/versions",       "401 403 403 .   .   ."),
    Row(f"GET {_KIND}/<str:key>/versions/<str:version>", "401 403 403 .   .   ."),
    Row(f"GET {_KIND}/<str:key>/diff",           "401 403 403 .   .   .", query="?from=1.0.0&to=1.1.0"),
    Row(f"GET {_KIND}/<str:key>/impact",         "401 403 403 .   .   ."),
    Row(f"POST {_KIND}/<str:key>/impact",        "401 403 403 .   .   .",
        body=_TASK_DOCUMENT | {"taskId": "greet", "version": "3.0.0"}),

    Row("GET api/v1/tasks",                      "401 .   .   .   .   ."),
    Row("POST api/v1/tasks",                     "401 403 403 .   .   .",
        body={"taskId": "greet", "input": {"amount": 1}}),
    Row("GET api/v1/tasks/counts",               "401 .   .   .   .   ."),
    Row("POST api/v1/tasks/bulk",                "401 .   .   .   .   .", body={"ids": [_NOBODYS], "operation": "claim"}),
    Row(f"GET {_TASK}",                          "401 404 .   .   .   .", "401 404 404 404 .   ."),
    Row(f"POST {_TASK}/claim",                   "401 404 .   403 .   .", "401 404 404 404 .   .", before=_free),
    Row(f"POST {_TASK}/release",                 "401 404 .   403 .   .", "401 404 404 404 409 409"),
    Row(f"POST {_TASK}/assign",                  "401 404 403 403 .   .", "401 404 404 404 .   .",
        body={"assignee": "alice"}),
    Row(f"PUT {_TASK}/draft",                    "401 404 .   403 .   .", "401 404 404 404 .   .", body={"draft": {}}),
    Row(f"POST {_TASK}/draft",                   "401 404 .   403 .   .", "401 404 404 404 .   .", body={"draft": {}}),
    Row(f"POST {_TASK}/complete",                "401 404 .   403 .   .", "401 404 404 404 .   .", body=_FORM),
    Row(f"POST {_TASK}/cancel",                  "401 404 403 403 .   .", "401 404 404 404 .   .", body={}),
    Row(f"POST {_TASK}/reopen",                  "401 404 403 403 .   .", "401 404 404 404 .   .", before=_done_alone),
    Row(f"GET {_TASK}/comments",                 "401 404 .   .   .   .", "401 404 404 404 .   ."),
    Row(f"POST {_TASK}/comments",                "401 404 .   403 .   .", "401 404 404 404 .   .", body={"text": "hi"}),
    Row(f"GET {_TASK}/attachments",              "401 404 .   .   .   .", "401 404 404 404 .   ."),
    Row(f"POST {_TASK}/attachments",             "401 404 .   403 .   .", "401 404 404 404 .   .", upload=True),
    Row(f"GET {_TASK}/attachments/<uuid:attachment_id>", "401 404 .   .   .   .", "401 404 404 404 .   ."),
    Row(f"DELETE {_TASK}/attachments/<uuid:attachment_id>", "401 404 .   403 .   .", "401 404 404 404 .   ."),
)
# fmt: on
