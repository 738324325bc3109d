"""Django's admin site: every page of ours opens for who may see it, shows what is there, and acts through the services."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from apps.auth.admin import ReadOnlyAdmin
from apps.auth.models import AuditEntry, Secret
from apps.auth.services import secrets
from apps.auth.tests.factories import Cast
from apps.events.models import DeadLetter, Event, EventQueue
from apps.events.services import dead_letters, queues
from apps.events.tests.factories import new_event, recorded

pytestmark = pytest.mark.django_db
OURS = sorted(
    reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for model, page in admin.site._registry.items()
    if isinstance(page, ReadOnlyAdmin)
)


@pytest.fixture
def client(cast: Cast) -> Client:
    found = Client()
    found.force_login(cast.admin, backend="apps.auth.backends.AccountBackend")
    return found


@pytest.fixture
def letter(cast: Cast) -> DeadLetter:
    [event] = recorded(new_event("admin-1"))
    dead_letters.refuse(event.document, "trigger:gone", {"type": "PERMANENT", "code": "GONE", "message": "Gone."})
    return DeadLetter.objects.get()


@pytest.mark.parametrize("page", OURS)
def test_every_page_of_ours_opens_and_lists(client: Client, letter: DeadLetter, page: str) -> None:
    assert client.get(page).status_code == 200
    assert client.get(f"{page}?q=x").status_code == 200


def test_an_event_is_shown_whole_and_cannot_be_changed(client: Client, letter: DeadLetter) -> None:
    row = Event.objects.get()
    address = reverse("admin:events_event_change", args=[row.id])
    assert "admin-1" in client.get(address).text
    assert client.post(address, {"pattern": "changed"}).status_code == 403


def test_letters_are_replayed_and_discarded_from_there_with_who_did_it(client: Client, letter: DeadLetter) -> None:
    address = reverse("admin:events_deadletter_changelist")
    for action in ("replay", "discard", "replay"):
        client.post(address, {"action": action, "_selected_action": [str(letter.id)]})
    letter.refresh_from_db()
    assert (letter.status, letter.resolution["resolvedBy"]) == ("discarded", "admin")
    done = AuditEntry.objects.filter(resource="deadLetter").values_list("action", flat=True)
    assert sorted(done) == ["dead_letter.discard", "dead_letter.replay"]


def test_a_queue_is_paused_and_resumed_from_there(client: Client, cast: Cast) -> None:
    queues.save(actor=cast.admin, key="orders", document={"patterns": ["order.*"]})
    address = reverse("admin:events_eventqueue_changelist")
    for action, status in (("pause", "paused"), ("drain", "draining"), ("resume", "active")):
        client.post(address, {"action": action, "_selected_action": ["orders"]})
        assert EventQueue.objects.get(id="orders").status == status


def test_who_lacks_the_right_sees_no_page(cast: Cast) -> None:
    found = Client()
    found.force_login(cast.charlie, backend="apps.auth.backends.AccountBackend")
    assert {found.get(page).status_code for page in OURS} <= {302, 403}


def test_a_secret_is_listed_and_never_shown(client: Client, cast: Cast) -> None:
    secrets.put_secret(actor=cast.admin, name="shop", value="canary-7f3a", description="The shop's")
    row = Secret.objects.get()
    shown = client.get(reverse("admin:accounts_secret_change", args=[row.id])).text
    assert "The shop" in shown
    assert "canary-7f3a" not in shown
    assert bytes(row.sealed_value).hex() not in shown
