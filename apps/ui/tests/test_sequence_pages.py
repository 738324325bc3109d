"""Pages about event sequences: the list, one with its picture and runs, one run with what came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.events.models import QueuedEvent, SequenceRun
from apps.events.sequences.kind import SEQUENCE
from apps.events.sequences.subscriber import SequenceSubscriber
from apps.events.services import sequences
from apps.events.tests.factories import new_event, recorded
from apps.events.tests.sequences import begun_run, fulfilment, published, run_of
from apps.ui.tests.reading import island, links, text_of
from apps.validation.definitions import services

Browse = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


def happened(*names: str, key: str = "ORD-1") -> None:
    subscriber = SequenceSubscriber()
    with transaction.atomic():
        events = recorded(
            *(new_event(f"{name}-{key}", f"orders.{name}", {"orderId": key, "note": "<b>&"}) for name in names)
        )
        subscriber.handle(subscriber.find(events))


def test_without_sequences_the_list_says_what_one_is(alice: User, browse: Browse) -> None:
    assert "No sequences yet" in text_of(browse(alice).get("/events/sequences"))


def test_the_list_counts_runs_and_is_searched(alice: User, browse: Browse) -> None:
    begun_run(alice)
    services.save_draft(SEQUENCE, actor=alice, document=fulfilment(description="From order to door."))
    answer = browse(alice).get("/events/sequences")
    assert "From order to door." in text_of(answer)
    assert "/events/sequences/pair?status=in_progress" in links(answer)
    found = browse(alice).get("/events/sequences", {"search": "door\x00"})
    assert "/events/sequences/pair" not in links(found) and "/events/sequences/fulfilment" in links(found)
    assert "No sequence fits" in text_of(browse(alice).get("/events/sequences", {"search": "zzz"}))


def test_one_sequence_shows_its_order_what_follows_and_its_runs(alice: User, browse: Browse) -> None:
    published(alice, fulfilment())
    assert "No event of it has come yet" in text_of(browse(alice).get("/events/sequences/fulfilment"))
    happened("created", "packed")
    happened("rated", key="ORD-2")
    answer = browse(alice).get("/events/sequences/fulfilment")
    text = text_of(answer)
    assert "sequences.fulfilment.completed" in text and "within 1 h" in text and "rated optional" in text
    assert "created: Processed; paid: Expected; packed: Processed" in answer.content.decode()
    assert f"/events/sequences/fulfilment/{run_of('ORD-2').pk}" in links(answer)
    only = links(browse(alice).get("/events/sequences/fulfilment", {"key": "ORD-1", "status": "in_progress"}))
    assert f"/events/sequences/fulfilment/{run_of('ORD-1').pk}" in only
    assert f"/events/sequences/fulfilment/{run_of('ORD-2').pk}" not in only
    none = browse(alice).get("/events/sequences/fulfilment", {"key": "nobody\x00"})
    assert "No run fits" in text_of(none)


def test_a_draft_is_edited_and_published_and_a_newer_one_does_not_hide_what_is_in_use(
    alice: User, browse: Browse
) -> None:
    services.save_draft(SEQUENCE, actor=alice, document=fulfilment())
    draft = browse(alice).get("/events/sequences/fulfilment")
    assert island(draft, "publish")["version"] == "1.0.0"
    assert island(draft, "document")["revision"] == 1
    services.publish(SEQUENCE, actor=alice, key="fulfilment")
    services.save_draft(SEQUENCE, actor=alice, document=fulfilment(version="1.1.0", within="P1D", correlationKey="'x'"))
    used = browse(alice).get("/events/sequences/fulfilment")
    assert "within 1 h" in text_of(used) and "1.1.0 draft" in text_of(used)
    assert island(used, "document")["document"]["version"] == "1.2.0"
    newer = browse(alice).get("/events/sequences/fulfilment", {"version": "1.1.0"})
    assert "within 1 d" in text_of(newer) and "The key takes nothing from the event" in text_of(newer)
    assert 'data-island="publish"' not in newer.content.decode()
    reader = browse(UserFactory(roles=["readonly"])).get("/events/sequences/fulfilment")
    assert 'data-island="document"' not in reader.content.decode()


def test_one_run_shows_what_came_when_and_what_may_be_done(alice: User, browse: Browse) -> None:
    published(alice, fulfilment())
    happened("created", "shipped")
    run = run_of("ORD-1")
    answer = browse(alice).get(f"/events/sequences/fulfilment/{run.pk}")
    text = text_of(answer)
    assert "still has" in text and "data-countdown" in answer.content.decode()
    assert '"note": "<b>&"' in text and "<b>&" not in answer.content.decode()
    verbs = island(answer, "sequenceVerbs")
    assert verbs["verbs"] == ["skip", "fail"]
    assert [each["id"] for each in verbs["members"]] == ["paid", "packed", "shipped", "rated"]


def test_a_failed_run_says_why_and_who_did_what(alice: User, browse: Browse) -> None:
    strategy = {
        "type": "compensating_events",
        "compensatingEvents": [
            {"eventId": "orders.cancel"},
            {"eventId": "orders.x", "payloadTemplate": "${event.payload.x}"},
        ],
    }
    published(alice, fulfilment(rollbackStrategy=strategy))
    happened("created")
    SequenceRun.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    QueuedEvent.objects.all().delete()
    assert sequences.fire_deadlines() == 1
    run = sequences.resolve(actor=alice, run_id=run_of("ORD-1").id, notes="Delivered by hand.")
    answer = browse(alice).get(f"/events/sequences/fulfilment/{run.pk}")
    text = text_of(answer)
    assert "alice counted it as completed: “Delivered by hand.”" in text
    assert "What was undone" in text and "orders.x was not recorded" in text
    assert 'data-island="sequenceVerbs"' not in answer.content.decode()


def test_who_may_only_look_is_offered_no_verbs(alice: User, browse: Browse) -> None:
    run = begun_run(alice)
    reader = UserFactory(roles=["readonly"])
    answer = browse(reader).get(f"/events/sequences/pair/{run.pk}")
    assert answer.status_code == 200
    assert 'data-island="sequenceVerbs"' not in answer.content.decode()


def test_what_there_is_not_is_not_found(alice: User, browse: Browse) -> None:
    run = begun_run(alice)
    published(alice, fulfilment())
    for address in ("nobody", f"fulfilment/{run.pk}", f"pair/{alice.pk}"):
        assert browse(alice).get(f"/events/sequences/{address}").status_code == 404
