from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.utils import timezone

from apps.auth.models import User
from apps.auth.tests.factories import Cast
from apps.tasks.services import complete
from apps.tasks.tests.factories import ManualTaskFactory
from apps.ui.tests.reading import island, text_of

Browse = Callable[[User | None], Client]


def titles(client: Client, **query: str) -> list[str]:
    text = text_of(client.get("/tasks", query))
    return [name for name in ("Mine", "Free", "Late", "Foreign") if name in text.split("Search tasks")[-1]]


def fill(cast: Cast) -> None:
    ManualTaskFactory(title="Mine", assignee=cast.bob)
    ManualTaskFactory(title="Free")
    ManualTaskFactory(title="Late", assignee=cast.bob, due_at=timezone.now() - timedelta(hours=1))
    ManualTaskFactory(title="Foreign", assignee=cast.alice, candidate_groups=[])


def test_boxes_hold_what_they_say(cast: Cast, browse: Browse) -> None:
    fill(cast)
    bob = browse(cast.bob)
    assert titles(bob, box="my") == ["Mine", "Late"]
    assert titles(bob, box="group") == ["Free"]
    assert titles(bob, box="overdue") == ["Late"]
    assert titles(bob, box="done") == []
    assert titles(bob, box="nonsense") == ["Mine", "Late"]


def test_the_badge_counts_what_the_boxes_list(cast: Cast, browse: Browse) -> None:
    fill(cast)
    body = browse(cast.bob).get("/tasks").content.decode()
    assert "data-task-count>3</span>" in body
    assert "count-alert" in body


def test_what_is_due_first_stands_first(cast: Cast, browse: Browse) -> None:
    fill(cast)
    body = browse(cast.bob).get("/tasks?box=my").content.decode()
    assert body.index("Late") < body.index("Mine")


def test_search_stays_inside_the_box(cast: Cast, browse: Browse) -> None:
    fill(cast)
    assert titles(browse(cast.bob), box="my", search="lat") == ["Late"]
    assert "No task fits" in text_of(browse(cast.bob).get("/tasks", {"box": "my", "search": "free"}))


def test_without_own_tasks_the_group_is_shown_first(cast: Cast, browse: Browse) -> None:
    ManualTaskFactory(title="Free")
    assert titles(browse(cast.bob)) == ["Free"]
    assert "Your desk is clear" in text_of(browse(cast.alice).get("/tasks"))


def test_done_tasks_are_kept(cast: Cast, browse: Browse) -> None:
    task = ManualTaskFactory(title="Mine", assignee=cast.bob)
    complete(actor=cast.bob, task_id=task.pk, action="approve", output={"approved": True})
    assert titles(browse(cast.bob), box="done") == ["Mine"]


def test_the_reading_pane_gets_the_task_without_the_page(cast: Cast, browse: Browse) -> None:
    task = ManualTaskFactory(title="Mine", assignee=cast.bob)
    pane = browse(cast.bob).get(f"/tasks/{task.pk}", headers={"X-Pane": "1"})
    assert "<html" not in pane.content.decode()
    given = island(pane, "task")
    assert given["initial"]["title"] == "Mine"
    assert "complete" in given["initial"]["allowed"]
    assert given["user"] == {"id": str(cast.bob.pk)}


def test_markup_in_titles_is_inert(cast: Cast, browse: Browse) -> None:
    task = ManualTaskFactory(title="<img src=x onerror=alert(1)>", assignee=cast.bob)
    for path in ("/", "/tasks", f"/tasks/{task.pk}"):
        assert "<img src=x" not in browse(cast.bob).get(path).content.decode()
