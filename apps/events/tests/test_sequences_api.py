"""Sequences over HTTP: saved, published, their runs listed, looked into and steered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.events.models import SequenceRun
from apps.events.sequences.subscriber import SequenceSubscriber
from apps.events.services import sequences
from apps.events.tests.factories import new_event, recorded
from apps.events.tests.sequences import begun_run, fulfilment, pair, run_of

pytestmark = pytest.mark.django_db
URL = "/api/v1/events/sequences"
Api = Callable[[User | None], APIClient]


@pytest.fixture
def client(api: Api, alice: User) -> APIClient:
    return api(alice)


def run_url(run: SequenceRun, verb: str = "") -> str:
    return f"{URL}/runs/{run.id}" + (f"/{verb}" if verb else "")


def answered(key: str) -> None:
    events = recorded(new_event(f"answered-{key}", "talk.answered", metadata={"correlationId": key}))
    subscriber = SequenceSubscriber()
    with transaction.atomic():
        subscriber.handle(subscriber.find(events))


def test_a_sequence_is_saved_published_and_listed_with_its_runs(client: APIClient, alice: User) -> None:
    assert client.post(URL, fulfilment()).status_code == 201
    assert client.post(f"{URL}/fulfilment/publish").json()["status"] == "published"
    begun_run(alice)
    listed = {each["sequenceId"]: each for each in client.get(URL).json()["items"]}
    assert listed["fulfilment"]["runs"] == {"created": 0, "in_progress": 0, "completed": 0, "failed": 0}
    assert (listed["fulfilment"]["members"], listed["fulfilment"]["within"]) == (5, "PT1H")
    assert listed["pair"]["runs"]["in_progress"] == 1
    assert [each["sequenceId"] for each in client.get(URL, {"search": "Order"}).json()["items"]] == ["fulfilment"]
    assert client.get(f"{URL}/pair/impact").json()["running"] == {"1.0.0": 1}


def test_a_document_with_errors_is_kept_as_a_draft_and_not_published(client: APIClient) -> None:
    saved = client.post(URL, pair(correlationKey="'all'"))
    assert [each["code"] for each in saved.json()["violations"] if each["severity"] == "error"] == ["one-run-for-all"]
    assert client.post(f"{URL}/pair/publish").status_code == 422
    assert client.post(URL, pair(events=[])).status_code == 422


def test_runs_are_listed_by_status_and_key(client: APIClient, alice: User) -> None:
    run = begun_run(alice)
    answered("B")
    items = client.get(f"{URL}/pair/runs").json()["items"]
    assert [each["key"] for each in items] == ["B", "A"]
    assert [(each["memberId"], each["status"]) for each in items[1]["members"]] == [
        ("asked", "processed"),
        ("answered", "pending"),
    ]
    # What came early is there, and waits for its turn.
    early = items[0]["members"][1]
    assert (items[0]["status"], early["status"], early["event"]["eventId"]) == ("created", "pending", "answered-B")
    assert [each["key"] for each in client.get(f"{URL}/pair/runs", {"status": "in_progress"}).json()["items"]] == ["A"]
    found = client.get(f"{URL}/pair/runs", {"key": "A"}).json()["items"]
    assert [each["runId"] for each in found] == [str(run.id)]
    assert client.get(f"{URL}/pair/runs", {"status": "late"}).status_code == 400
    assert client.get(f"{URL}/nobody/runs").status_code == 404


def test_one_run_says_what_came_and_what_may_be_done(client: APIClient, alice: User) -> None:
    run = begun_run(alice)
    body = client.get(run_url(run)).json()
    assert body["members"][0]["event"]["payload"] == {"question": "Why?"}
    assert (body["missing"], body["verbs"], body["reason"]) == (["answered"], ["skip", "fail"], None)
    assert body["document"]["sequenceId"] == "pair"
    failed = client.post(run_url(run, "fail"), {"notes": "Nobody answers."}).json()
    assert (failed["status"], failed["reason"]) == ("failed", "GIVEN_UP")
    assert failed["verbs"] == ["retry", "resolve", "skip"]
    assert failed["settled"]["notes"] == "Nobody answers."
    again = client.post(run_url(run, "retry"), {}).json()
    assert again["status"] == "in_progress"
    assert (
        client.post(run_url(run, "skip"), {"member": "answered", "notes": "By phone."}).json()["status"] == "completed"
    )
    assert client.post(run_url(run, "resolve"), {"notes": "x"}).status_code == 409
    done = AuditEntry.objects.filter(resource="sequence", resource_id=str(run.id)).order_by("id")
    assert [(entry.action, entry.details["notes"]) for entry in done] == [
        ("sequence.fail", "Nobody answers."),
        ("sequence.retry", ""),
        ("sequence.skip", "By phone."),
    ]


def test_a_verb_needs_its_notes_and_a_member_that_there_is(client: APIClient, alice: User) -> None:
    run = begun_run(alice)
    assert client.post(run_url(run, "fail"), {}).status_code == 422
    assert client.post(run_url(run, "skip"), {"member": "nobody", "notes": "x"}).status_code == 409
    assert client.post(f"{URL}/runs/{alice.id}/fail", {"notes": "x"}).status_code == 404


def test_who_may_only_look_cannot_steer(api: Api, cast: object, alice: User, bob: User) -> None:
    run = begun_run(alice)
    assert api(bob).post(run_url(run, "fail"), {"notes": "x"}).status_code == 403
    assert run_of().status == "in_progress"


def test_retry_is_refused_while_another_run_of_the_key_is_open(client: APIClient, alice: User) -> None:
    first = begun_run(alice)
    sequences.fail(actor=alice, run_id=first.id, notes="x")
    SequenceRun.objects.filter(id=first.id).update(deadline=None)
    recorded_ = recorded(new_event("asked-2", "talk.asked", metadata={"correlationId": "A"}))
    subscriber = SequenceSubscriber()
    with transaction.atomic():
        subscriber.handle(subscriber.find(recorded_))
    assert SequenceRun.objects.count() == 2
    answer = client.post(run_url(first, "retry"), {})
    assert (answer.status_code, answer.json()["detail"]) == (409, "Another run for the same key is open.")
