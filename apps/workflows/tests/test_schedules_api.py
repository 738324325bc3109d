"""Schedules over HTTP: saved with every problem at once, previewed, paused and resumed with what follows said before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.validation.definitions import bundles
from apps.validation.definitions.bundles import Document
from apps.validation.problems import Unprocessable
from apps.workflows.models import Schedule, ScheduleFire
from apps.workflows.services import firing, schedules
from apps.workflows.tests.factories import WorkflowDefinitionFactory, flow, greeting, nap, published
from apps.workflows.tests.test_schedules_start_runs import pass_time

pytestmark = pytest.mark.django_db
URL = "/api/v1/workflows/schedules"
Api = Callable[[User | None], APIClient]
HOURLY = {"workflowId": "nap", "interval": "PT1H"}


@pytest.fixture
def client(api: Api, alice: User) -> APIClient:
    published(nap())
    published(greeting())
    return api(alice)


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(each["code"], each["pointer"]) for each in answer.json()["violations"]]


def test_a_schedule_is_saved_read_changed_and_deleted(client: APIClient) -> None:
    made = client.post(URL, {**HOURLY, "scheduleId": "hourly", "name": "Each hour"})
    assert (made.status_code, made.json()["words"], made.json()["state"]) == (201, "Every hour", "ACTIVE")
    one = client.get(f"{URL}/hourly")
    assert one.json()["document"]["scheduleId"] == "hourly"
    changed = {"workflowId": "nap", "cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"}
    stale = client.put(f"{URL}/hourly", changed, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    fresh = client.put(f"{URL}/hourly", changed, headers={"If-Match": one["ETag"]})
    assert (fresh.status_code, fresh.json()["words"]) == (200, "At 09:00 on weekdays, Europe/Berlin")
    listed = client.get(URL, {"search": "hour"}).json()["items"]
    assert [each["scheduleId"] for each in listed] == ["hourly"]
    assert client.delete(f"{URL}/hourly").status_code == 204
    assert client.get(f"{URL}/hourly").status_code == 404
    actions = AuditEntry.objects.filter(resource="schedule").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["schedule.save", "schedule.save", "schedule.delete"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"workflowId": "nap", "cron": "0 0 30 2 *"}, ("cron", "/cron")),
        ({"workflowId": "nap", "cron": "0 0 * 2 MON#5", "endAt": "2027-01-01T00:00:00Z"}, ("never-fires", "/cron")),
        ({"workflowId": "nap", "cron": "0 0 * 2 MON#5"}, ("never-fires", "/cron")),
        ({"workflowId": "nap", "cron": "61 * * * *"}, ("cron", "/cron")),
        ({"workflowId": "nap", "interval": "PT0.5S"}, ("interval-too-short", "/interval")),
        ({"workflowId": "nap", "interval": "PT0S"}, ("interval-too-short", "/interval")),
        (
            {**HOURLY, "startAt": "2030-01-02T00:00:00Z", "endAt": "2030-01-01T00:00:00Z"},
            ("end-before-start", "/endAt"),
        ),
        ({**HOURLY, "startAt": "0001-01-01T00:00:00+14:00"}, ("date-time", "/startAt")),
        ({**HOURLY, "jitter": "PT1H"}, ("jitter-too-long", "/jitter")),
        ({"workflowId": "nap", "cron": "0,5 * * * *", "jitter": "PT5M"}, ("jitter-too-long", "/jitter")),
        ({**HOURLY, "workflowId": "nep"}, ("unknown-workflow", "/workflowId")),
        ({**HOURLY, "workflowId": "draft"}, ("workflow-not-published", "/workflowId")),
        ({**HOURLY, "workflowId": "greeting"}, ("required", "/input")),
        ({**HOURLY, "workflowId": "greeting", "input": {"name": ""}}, ("minLength", "/input/name")),
        ({**HOURLY, "workflowId": "greeting", "input": {"name": "${input.x}"}}, ("expression-root", "/input/name")),
        ({**HOURLY, "workflowId": "greeting", "input": {"name": "${event.payload.no}"}}, ("input", "/input")),
        ({**HOURLY, "timezone": "Mars/Olympus"}, ("format", "/timezone")),
        ({**HOURLY, "cron": "* * * * *"}, ("no-variant", "")),
        ({"workflowId": "nap"}, ("no-variant", "")),
        ({**HOURLY, "overlap": "MAYBE"}, ("choice", "/overlap")),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    document: dict[str, Any], expected: tuple[str, str], client: APIClient
) -> None:
    WorkflowDefinitionFactory(
        document=flow({"stepId": "a", "type": "END"}, workflowId="draft"), status="draft", published_at=None
    )
    answer = client.post(URL, document)
    assert answer.status_code == 422
    assert expected in codes(answer)
    assert not Schedule.objects.exists()
    preview = client.post(f"{URL}/preview", document)
    assert (preview.status_code, preview.json()["valid"]) == (200, False)


@pytest.mark.parametrize("body", [[], "x", 7, None, {"workflowId": 7}, {"cron": {}}])
def test_what_is_no_schedule_is_refused(body: Any, client: APIClient) -> None:
    assert client.post(URL, body, format="json").status_code == 422
    preview = client.post(f"{URL}/preview", body, format="json")
    if isinstance(body, list | str | int):
        assert preview.status_code == 422
    else:
        assert (preview.status_code, preview.json()["valid"], preview.json()["next"]) == (200, False, [])


def test_a_document_is_previewed_in_its_zone_before_it_is_saved(client: APIClient) -> None:
    document = {
        "workflowId": "nap",
        "cron": "30 2 29 3 *",
        "timezone": "Europe/Berlin",
        "startAt": "2026-12-01T00:00:00Z",
    }
    answer = client.post(f"{URL}/preview?count=2", document).json()
    assert answer["valid"]
    assert answer["words"] == "At 02:30 on March 29, Europe/Berlin"
    assert [each["local"] for each in answer["next"]] == ["2027-03-29T02:30:00+02:00", "2028-03-29T02:30:00+02:00"]
    assert client.post(f"{URL}/preview?count=0", document).status_code == 400


def test_the_rule_is_previewed_while_the_rest_is_still_wrong(client: APIClient) -> None:
    answer = client.post(f"{URL}/preview", {"workflowId": "none-yet", "cron": "0 9 * * *"}).json()
    assert (answer["valid"], len(answer["next"])) == (False, 10)


def test_pausing_and_resuming_say_what_follows(client: APIClient) -> None:
    client.post(URL, {**HOURLY, "overlap": "ALLOW"})
    assert client.post(f"{URL}/nap/resume", {}).status_code == 409
    paused = client.post(f"{URL}/nap/pause", {"reason": "maintenance"})
    assert (paused.status_code, paused.json()["state"], paused.json()["pausedBy"]) == (200, "PAUSED", "alice")
    assert client.post(f"{URL}/nap/pause", {}).status_code == 409
    pass_time(3 * 3_600 + 60)
    preview = client.get(f"{URL}/nap/preview").json()
    assert (preview["missed"]["count"], preview["missed"]["more"]) == (3, False)
    assert [(each["catchUp"], each["fires"]) for each in preview["catchUp"]] == [("NONE", 0), ("LAST", 1), ("ALL", 3)]
    assert preview["catchUp"][1]["sentence"] == "Of the 3 missed fires the latest starts a run now."
    assert client.post(f"{URL}/nap/resume", {"catchUp": "SOME"}).status_code == 422
    resumed = client.post(f"{URL}/nap/resume", {"catchUp": "LAST"}).json()
    assert (resumed["state"], resumed["caughtUp"]["started"], resumed["caughtUp"]["missed"]) == ("ACTIVE", 1, 2)
    assert client.get(f"{URL}/nap/preview").json()["missed"]["count"] == 0
    fires = client.get(f"{URL}/nap/fires").json()["items"]
    assert [(each["decision"], each["count"]) for each in fires] == [("STARTED", 1), ("MISSED", 2)]


@pytest.mark.parametrize(
    ("overlap", "going", "expected"),
    [
        ("ALLOW", False, "All 3 missed fires start runs now."),
        ("QUEUE", False, "All 3 missed fires wait for their turns, and start runs then."),
        ("SKIP", False, "All 3 missed fires are looked at: the first starts a run now, the others are skipped while it is going."),
        ("SKIP", True, "All 3 missed fires are skipped, for the last run is still going."),
        ("CANCEL_RUNNING", True, "All 3 missed fires cancel the run that is still going and start one."),
    ],
)  # fmt: skip
def test_what_is_said_before_resuming_is_what_happens(
    overlap: str, going: bool, expected: str, client: APIClient
) -> None:
    client.post(URL, {**HOURLY, "overlap": overlap})
    if going:
        client.post(f"{URL}/nap/fire", {})
    client.post(f"{URL}/nap/pause", {})
    pass_time(3 * 3_600 + 60)
    option = client.get(f"{URL}/nap/preview").json()["catchUp"][2]
    assert option["sentence"] == expected
    counts = client.post(f"{URL}/nap/resume", {"catchUp": "ALL"}).json()["caughtUp"]
    started = {"ALLOW": 3, "QUEUE": 1, "SKIP": 0 if going else 1, "CANCEL_RUNNING": 1}[overlap]
    assert (counts["started"], counts["started"] + counts["queued"] + counts["skipped"]) == (started, 3)


def test_firing_by_hand_answers_with_the_run(client: APIClient) -> None:
    client.post(URL, HOURLY)
    fired = client.post(f"{URL}/nap/fire", {"reason": "try"})
    assert (fired.status_code, fired.json()["origin"], fired.json()["by"]) == (201, "MANUAL", "alice")
    run = client.get(f"/api/v1/workflows/instances/{fired.json()['instanceId']}").json()
    assert run["triggerEventId"].startswith("schedule:nap:")
    again = client.post(f"{URL}/nap/fire", {})
    assert (again.status_code, ScheduleFire.objects.count()) == (409, 1)


def test_a_schedule_shows_what_is_wrong_with_it_by_now(client: APIClient) -> None:
    client.post(URL, HOURLY)
    client.delete("/api/v1/workflows/definitions/nap")
    one = client.get(f"{URL}/nap")
    assert ("unknown-workflow", "/workflowId") in codes(one)
    pass_time(3_600)
    firing.fire_due()
    assert client.get(f"{URL}/nap/fires").json()["items"][0]["decision"] == "FAILED"


def test_the_impact_of_a_workflow_names_its_schedules(client: APIClient) -> None:
    client.post(URL, HOURLY)
    found = client.get("/api/v1/workflows/definitions/nap/impact").json()["definitions"]
    assert [(each["kind"], each["id"], each["status"]) for each in found] == [("schedule", "nap", "active")]


def test_filters_of_the_list(client: APIClient) -> None:
    client.post(URL, HOURLY)
    client.post(URL, {"workflowId": "nap", "scheduleId": "off", "interval": "PT1H", "enabled": False})
    over = {**HOURLY, "scheduleId": "over", "startAt": "2020-01-01T00:00:00Z", "endAt": "2020-01-02T00:00:00Z"}
    assert codes(client.post(URL, over)) == [("schedule-over", "/endAt")]
    for state, expected in (("ACTIVE", ["nap"]), ("PAUSED", ["off"]), ("ENDED", ["over"])):
        assert [each["scheduleId"] for each in client.get(URL, {"state": state}).json()["items"]] == expected
    assert client.get(URL, {"search": "a\x00b"}).status_code == 400


# Bundles


def test_a_bundle_brings_schedules_and_export_writes_them(alice: User, tmp_path: Any) -> None:
    documents = [
        Document("a", {"kind": "schedule", "scheduleId": "hourly", **HOURLY}),
        Document("b", {"kind": "workflow", **nap()}),
    ]
    assert [(each.kind, each.done) for each in bundles.apply(documents, actor=alice)] == [
        ("workflow", "published"),
        ("schedule", "created"),
    ]
    assert [each.done for each in bundles.apply(documents, actor=alice)] == ["unchanged", "unchanged"]
    (path,) = bundles.export(["schedule"], tmp_path)
    assert path.name == "schedule.hourly.json"
    (read,) = bundles.read(path, {})
    assert bundles.apply([read], actor=alice)[0].done == "unchanged"


def test_a_bundle_without_publishing_leaves_schedules_out(alice: User) -> None:
    documents = [Document("a", {"kind": "schedule", "scheduleId": "hourly", **HOURLY})]
    assert bundles.apply(documents, actor=alice, publish=False)[0].done == "left out"
    assert not Schedule.objects.exists()


def test_a_bundle_with_a_faulty_schedule_changes_nothing(alice: User) -> None:
    documents = [
        Document("b", {"kind": "workflow", **nap()}),
        Document("a", {"kind": "schedule", "workflowId": "nap", "cron": "0 0 31 2 *"}),
    ]
    with pytest.raises(Unprocessable) as caught:
        bundles.apply(documents, actor=alice)
    assert caught.value.violations[0].pointer == "/cron"
    assert not Schedule.objects.exists()


def test_who_may_not_start_workflows_cannot_have_them_started(alice: User, client: APIClient, api: Api) -> None:
    from apps.auth.tests.factories import UserFactory

    designer = UserFactory(username="dora", roles=["workflow_designer"])
    assert api(designer).post(URL, HOURLY).status_code == 403
    operator = UserFactory(username="otto", roles=["workflow_operator"])
    schedules.save(actor=alice, document=HOURLY)
    assert api(operator).post(URL, HOURLY).status_code == 403
    assert api(operator).post(f"{URL}/nap/pause", {}).status_code == 200
    assert api(designer).post(f"{URL}/nap/resume", {}).status_code == 403


def test_a_name_that_cannot_be_is_not_found(client: APIClient) -> None:
    for address in (f"{URL}/a%00b", f"{URL}/a%00b/preview", f"{URL}/{'x' * 400}", "/api/v1/workflows/calendars/a%00b"):
        assert client.get(address).status_code in (400, 404), address
    assert client.put(f"{URL}/Not An Id", HOURLY).status_code == 422
    mismatch = client.put(f"{URL}/one", {**HOURLY, "scheduleId": "other"})
    assert (mismatch.status_code, codes(mismatch)) == (422, [("id-mismatch", "/scheduleId")])
