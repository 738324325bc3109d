"""/ws/tasks: who hears of which change, once it is committed, and never more often than needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import transaction

from apps.auth.models import User
from apps.auth.tests.browsers import page_session
from apps.auth.tests.factories import Cast, UserFactory, make_cast
from apps.auth.tests.sockets import Socket
from apps.tasks import services
from apps.tasks.consumers import TasksConsumer
from apps.tasks.models import Task

from .factories import ManualTaskFactory

pytestmark = pytest.mark.django_db(transaction=True)

Open = Callable[[User], Awaitable[Socket]]


@pytest.fixture
async def open_inbox() -> AsyncIterator[Open]:
    opened: list[Socket] = []

    async def connect(user: User) -> Socket:
        socket = Socket(TasksConsumer, cookie=await database_sync_to_async(page_session)(user))
        opened.append(socket)
        await socket.open()
        assert await socket.receive() == {"seq": 1, "type": "tasks.changed"}
        return socket

    yield connect
    for socket in opened:
        await socket.leave()


@database_sync_to_async
def people() -> tuple[Cast, User]:
    return make_cast(), UserFactory(username="dora", roles=["manager"], groups=["managers"])


def on_database(verb: Callable[..., Any], **arguments: Any) -> Awaitable[Any]:
    return database_sync_to_async(verb)(**arguments)


async def test_the_team_hears_when_one_of_them_takes_a_task(open_inbox: Open) -> None:
    cast, dora = await people()
    task: Task = await on_database(ManualTaskFactory)
    other: Task = await on_database(ManualTaskFactory, candidate_groups=["finance"])
    alice, bob, dora_socket = await open_inbox(cast.alice), await open_inbox(cast.bob), await open_inbox(dora)
    await on_database(services.claim, actor=cast.bob, task_id=task.pk)
    for socket in (alice, bob, dora_socket):
        assert await socket.receive() == {"seq": 2, "type": "tasks.changed"}
    await on_database(services.assign, actor=cast.alice, task_id=other.pk, assignee=cast.admin)
    assert (await alice.receive())["seq"] == 3
    assert await bob.is_silent()
    assert await dora_socket.is_silent()


async def test_who_loses_a_task_hears_of_it_too(open_inbox: Open) -> None:
    cast, dora = await people()
    task: Task = await on_database(ManualTaskFactory, candidate_groups=[], assignee=cast.bob)
    bob, dora_socket = await open_inbox(cast.bob), await open_inbox(dora)
    await on_database(services.assign, actor=cast.alice, task_id=task.pk, assignee=dora)
    assert (await bob.receive())["seq"] == 2
    assert (await dora_socket.receive())["seq"] == 2


async def test_a_burst_is_one_message_and_the_last_change_is_never_missed(open_inbox: Open) -> None:
    cast, _ = await people()
    bob = await open_inbox(cast.bob)
    ids = await database_sync_to_async(lambda: [task.pk for task in ManualTaskFactory.create_batch(10)])()
    await on_database(services.bulk, actor=cast.bob, ids=ids, operation="claim")
    received = 1
    while not await bob.is_silent(0.4):
        await bob.receive()
        received += 1
    assert 2 <= received <= 6


async def test_what_is_rolled_back_is_not_heard(open_inbox: Open) -> None:
    cast, _ = await people()
    task: Task = await on_database(ManualTaskFactory)
    bob = await open_inbox(cast.bob)

    def fail() -> None:
        with transaction.atomic():
            services.claim(actor=cast.bob, task_id=task.pk)
            transaction.set_rollback(True)

    await database_sync_to_async(fail)()
    assert await bob.is_silent()


async def test_who_may_see_no_tasks_has_no_socket() -> None:
    cast, _ = await people()
    socket = Socket(TasksConsumer, cookie=await database_sync_to_async(page_session)(cast.charlie))
    await socket.open()
    assert await socket.closed_with() == 4403
    await socket.leave()
