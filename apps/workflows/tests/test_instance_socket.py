"""/ws/instances/{id}: who may listen, and what they hear."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import transaction

from apps.auth.consumers import NOT_ALLOWED, NOT_SIGNED_IN
from apps.auth.models import User
from apps.auth.services import open_session
from apps.auth.tests.browsers import page_session
from apps.auth.tests.sockets import Socket
from apps.tasks.models import Task
from apps.tasks.services import claim, complete
from apps.workflows.consumers import InstanceConsumer
from apps.workflows.models import WorkflowInstance
from apps.workflows.selectors.instances import history
from apps.workflows.services import instances
from apps.workflows.tests.factories import approval, nap, published, started

pytestmark = pytest.mark.django_db(transaction=True)


@database_sync_to_async
def run_of(actor: User, document: dict[str, Any]) -> WorkflowInstance:
    published(document)
    return started(actor, document["workflowId"])


async def socket_of(user: User | None, instance_id: uuid.UUID) -> Socket:
    cookie = "" if user is None else await database_sync_to_async(page_session)(user)
    socket = Socket(InstanceConsumer, cookie=cookie, url_kwargs={"instance_id": instance_id})
    await socket.open()
    return socket


async def steer(verb: Any, actor: User, run: WorkflowInstance) -> None:
    await database_sync_to_async(verb)(actor=actor, instance_id=run.id, reason="x")


async def test_who_is_not_signed_in_is_turned_away(alice: User) -> None:
    run = await run_of(alice, nap())
    assert await (await socket_of(None, run.id)).closed_with() == NOT_SIGNED_IN


async def test_who_may_not_see_the_run_is_turned_away_as_for_a_run_that_is_not(alice: User, charlie: User) -> None:
    run = await run_of(alice, nap())
    assert await (await socket_of(charlie, run.id)).closed_with() == NOT_ALLOWED
    assert await (await socket_of(charlie, uuid.uuid4())).closed_with() == NOT_ALLOWED
    assert await (await socket_of(alice, uuid.uuid4())).closed_with() == NOT_ALLOWED


async def test_a_page_of_another_site_is_turned_away(alice: User) -> None:
    run = await run_of(alice, nap())
    cookie = await database_sync_to_async(page_session)(alice)
    socket = Socket(InstanceConsumer, origin="https://evil.example", cookie=cookie, url_kwargs={"instance_id": run.id})
    await socket.open()
    assert await socket.closed_with() == NOT_SIGNED_IN


async def test_a_program_listens_with_an_access_token(alice: User) -> None:
    run = await run_of(alice, nap())
    token = (await database_sync_to_async(open_session)(user=alice)).access
    socket = Socket(InstanceConsumer, origin=None, subprotocols=["bearer", token], url_kwargs={"instance_id": run.id})
    await socket.open()
    assert (await socket.receive())["seq"] == run.seq
    await socket.leave()


async def test_the_first_message_is_where_the_run_is_and_each_change_follows(alice: User) -> None:
    run = await run_of(alice, nap())
    socket = await socket_of(alice, run.id)
    first = await socket.receive()
    assert first == {"type": "instance.changed", "seq": run.seq}
    await steer(instances.suspend, alice, run)
    second = await socket.receive()
    await steer(instances.resume, alice, run)
    third = await socket.receive()
    assert first["seq"] < second["seq"] < third["seq"]
    entries, _ = await database_sync_to_async(history)(run.id, after=first["seq"])
    assert [entry["type"] for entry in entries] == ["INSTANCE_SUSPENDED", "INSTANCE_RESUMED"]
    assert entries[-1]["seq"] == third["seq"]
    await socket.leave()


async def test_every_listener_hears_of_a_run_and_none_of_another(alice: User, admin: User) -> None:
    run = await run_of(alice, nap())
    other = await run_of(alice, nap(workflowId="nap-2"))
    sockets = [await socket_of(alice, run.id), await socket_of(admin, run.id)]
    apart = await socket_of(alice, other.id)
    for socket in (*sockets, apart):
        await socket.receive()
    await steer(instances.cancel, alice, run)
    seqs = [(await socket.receive())["seq"] for socket in sockets]
    assert seqs[0] == seqs[1] > run.seq
    assert await apart.is_silent()
    for socket in (*sockets, apart):
        await socket.leave()


async def test_a_change_that_is_rolled_back_is_not_told(alice: User) -> None:
    run = await run_of(alice, nap())
    socket = await socket_of(alice, run.id)
    await socket.receive()

    def half() -> None:
        with transaction.atomic():
            instances.suspend(actor=alice, instance_id=run.id, reason="x")
            transaction.set_rollback(True)

    await database_sync_to_async(half)()
    assert await socket.is_silent()
    await socket.leave()


async def test_a_persons_answer_is_heard_by_whoever_watches_the_run(alice: User, bob: User) -> None:
    run = await run_of(alice, approval())
    socket = await socket_of(alice, run.id)
    await socket.receive()

    def answer() -> None:
        task = Task.objects.get()
        claim(actor=bob, task_id=task.id)
        complete(actor=bob, task_id=task.id, action="approve", output={})

    await database_sync_to_async(answer)()
    seq = (await socket.receive())["seq"]
    stored = await database_sync_to_async(WorkflowInstance.objects.get)(id=run.id)
    assert (stored.status, stored.seq) == ("COMPLETED", seq)
    await socket.leave()


async def test_what_a_client_says_changes_nothing(alice: User) -> None:
    run = await run_of(alice, nap())
    socket = await socket_of(alice, run.id)
    await socket.receive()
    await socket.send({"type": "instance.changed", "seq": 999})
    await socket.send([1])
    assert await socket.is_silent()
    await socket.leave()
