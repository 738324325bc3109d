"""A webhook that names a workflow starts it, whether it stands by itself or in the workflow's own document."""

from __future__ import annotations

from typing import Any

import pytest

from apps.auth.access import AccessDenied
from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.events.models import DeadLetter
from apps.events.routing import route
from apps.integrations.models import Webhook
from apps.integrations.services import webhooks
from apps.integrations.tests.factories import call, document, secret
from apps.validation.problems import Conflict, Unprocessable
from apps.workflows.models import Trigger, WorkflowInstance
from apps.workflows.services import definitions, triggers
from apps.workflows.tests.factories import greeting, published

pytestmark = pytest.mark.django_db(transaction=True)
MAPPING = {"name": "${event.payload.who}"}
INLINE = {
    "type": "webhook",
    "triggerId": "shop",
    "path": "orders/new",
    "auth": {"kind": "hmac", "secretName": "shop", "header": "X-Signature", "timestampHeader": "X-Time"},
    "inputMapping": MAPPING,
}


@pytest.fixture(autouse=True)
def _flow(admin: User) -> None:
    published(greeting())
    secret(admin)


def saved(actor: User, **more: Any) -> Webhook:
    return webhooks.save(actor=actor, document=document(workflowId="greeting", inputMapping=MAPPING, **more))[0]


def comes(**payload: Any) -> None:
    assert call(payload).status_code == 202
    while route():
        pass


def names() -> list[Any]:
    return [run.input["name"] for run in WorkflowInstance.objects.order_by("started_at", "id")]


def publish(actor: User, *entries: dict[str, Any], version: str = "2.0.0") -> None:
    definitions.save(actor=actor, document=greeting(version=version, triggers=list(entries)))
    definitions.publish(actor=actor, workflow_id="greeting")


def test_a_call_starts_a_run_as_the_owner(alice: User) -> None:
    saved(alice)
    comes(who="Ada")
    [run] = WorkflowInstance.objects.all()
    assert (run.input, run.started_by) == ({"name": "Ada"}, alice)
    assert run.trigger_event_id.startswith("webhook:orders:")


def test_a_repeated_call_starts_one_run(alice: User) -> None:
    saved(alice, eventIdFrom="event.payload.id")
    comes(who="Ada", id=1)
    assert call({"who": "Ada", "id": 1, "attempt": 2}).status_code == 200
    route()
    assert names() == ["Ada"]


@pytest.mark.parametrize("pattern", ["shop.placed", "shop.${event.payload.kind}", "${event.payload.kind}"])
def test_whatever_its_events_are_called(alice: User, pattern: str) -> None:
    saved(alice, eventPattern=pattern)
    comes(who="Ada", kind="placed")
    assert names() == ["Ada"]


def test_only_events_of_that_webhook_start_it(alice: User) -> None:
    saved(alice, eventPattern="shop.placed")
    webhooks.save(
        actor=alice,
        document=document(webhookId="other", path="other", eventPattern="shop.placed", auth={"kind": "none"}),
    )
    assert call({"who": "Eve"}, {}, path="other").status_code == 202
    comes(who="Ada")
    assert names() == ["Ada"]


def test_changing_it_changes_what_is_started(alice: User) -> None:
    saved(alice)
    saved(alice, name="Shop")
    assert Trigger.objects.get().name == "Webhook Shop"
    webhooks.save(actor=alice, document=document())
    assert not Trigger.objects.exists()
    comes(who="Ada")
    assert names() == []
    saved(alice)
    webhooks.delete(actor=alice, key="orders")
    assert not Trigger.objects.exists()


def test_what_the_workflow_cannot_take_is_refused_when_saved(alice: User) -> None:
    with pytest.raises(Unprocessable) as caught:
        webhooks.save(actor=alice, document=document(workflowId="greetin"))
    assert [(each.code, each.pointer) for each in caught.value.violations] == [("unknown-workflow", "/workflowId")]
    with pytest.raises(Unprocessable) as caught:
        webhooks.save(actor=alice, document=document(workflowId="greeting", inputMapping={"name": 7}))
    assert {each.pointer for each in caught.value.violations} == {"/inputMapping/name"}
    designer = UserFactory(permissions=["design:webhook", "use:secret", "record:event"])
    with pytest.raises(AccessDenied, match="start:workflow"):
        saved(designer)


def test_its_trigger_is_changed_by_the_webhook_only(alice: User) -> None:
    saved(alice)
    key = Trigger.objects.get().key
    with pytest.raises(Conflict, match="belongs to the webhook orders"):
        triggers.delete(actor=alice, key=key)
    # Publishing the workflow again leaves it alone.
    publish(alice)
    assert Trigger.objects.filter(key=key, enabled=True).exists()
    comes(who="Ada")
    assert names() == ["Ada"]


def test_a_webhook_in_a_workflows_own_document_is_in_force_when_published(alice: User) -> None:
    publish(alice, INLINE)
    [hook] = Webhook.objects.all()
    assert (hook.key, hook.inline, hook.path) == ("greeting_shop", True, "orders/new")
    comes(who="Ada")
    assert names() == ["Ada"]
    with pytest.raises(Conflict, match="stands in the document"):
        webhooks.delete(actor=alice, key="greeting_shop")
    publish(alice, version="3.0.0")
    assert not Webhook.objects.exists() and not Trigger.objects.exists()
    assert call({"who": "Ada"}).status_code == 404


def test_one_that_was_paused_by_hand_stays_paused_when_a_new_version_is_published(alice: User) -> None:
    publish(alice, INLINE)
    webhooks.pause(actor=alice, key="greeting_shop")
    publish(alice, INLINE, version="3.0.0")
    assert call({"who": "Ada"}).status_code == 404
    webhooks.resume(actor=alice, key="greeting_shop")
    comes(who="Ada")
    assert names() == ["Ada"]


def test_archiving_the_workflow_closes_its_address(alice: User) -> None:
    publish(alice, INLINE)
    definitions.archive(actor=alice, workflow_id="greeting")
    assert call({"who": "Ada"}).status_code == 404
    publish(alice, INLINE, version="3.0.0")
    comes(who="Ada")
    assert names() == ["Ada"]


def test_a_faulty_webhook_in_a_document_is_found_with_its_place(alice: User) -> None:
    webhooks.save(actor=alice, document=document())
    entry = INLINE | {"auth": {"kind": "hmac", "secretName": "nobody"}, "inputMapping": {"name": 7}}
    row, _ = definitions.save(actor=alice, document=greeting(version="2.0.0", triggers=[entry]))
    assert {(each["code"], each["pointer"]) for each in row.violations if each["severity"] == "error"} >= {
        ("unknown-secret", "/triggers/0/auth/secretName"),
        ("path-taken", "/triggers/0/path"),
    }
    assert any(each["pointer"] == "/triggers/0/inputMapping/name" for each in row.violations)


def test_a_call_whose_run_cannot_be_started_is_a_dead_letter(alice: User) -> None:
    saved(alice)
    comes(nobody="Ada")
    assert names() == []
    assert DeadLetter.objects.get().subscriber_id == "trigger:webhook_orders"
