"""Tasks over HTTP: lists, verbs, answers and refusals as API clients see them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.auth.tests.factories import Cast
from apps.tasks.models import Task, TaskComment

from .factories import ManualTaskFactory, TaskDefinitionFactory, human_document

Api = Callable[[User | None], APIClient]
TASKS = "/api/v1/tasks"
YES = {"approved": True}


def verb(client: APIClient, task: Task, name: str, body: Any = None, **headers: str) -> Any:
    return client.post(f"{TASKS}/{task.pk}/{name}", body if body is not None else {}, headers=headers)


def test_a_person_takes_and_answers_a_task(cast: Cast, api: Api) -> None:
    task = ManualTaskFactory()
    bob = api(cast.bob)
    claimed = verb(bob, task, "claim")
    assert claimed.status_code == 200
    assert claimed["ETag"] == '"2"'
    assert claimed.json()["assignee"] == {"id": str(cast.bob.pk), "username": "bob", "fullName": "Bob"}
    draft = bob.put(f"{TASKS}/{task.pk}/draft", {"draft": {"note": "hm"}}, headers={"If-Match": '"2"'})
    assert (draft.status_code, draft.json()["version"], draft["ETag"]) == (200, 3, '"3"')
    assert bob.get(f"{TASKS}/{task.pk}").json()["draft"] == {"note": "hm"}
    done = verb(bob, task, "complete", {"action": "approve", "output": YES})
    assert done.status_code == 200
    answer = done.json()
    assert (answer["status"], answer["outcome"], answer["output"], answer["allowed"]) == (
        "COMPLETED", "approve", YES, ["comment"],
    )  # fmt: skip


def test_answers_that_people_rely_on(cast: Cast, dora: User, api: Api) -> None:
    task = ManualTaskFactory()
    assert api(None).get(f"{TASKS}/{task.pk}").status_code == 401
    assert verb(api(None), task, "claim").status_code == 401
    assert api(cast.charlie).get(f"{TASKS}/{task.pk}").status_code == 404
    assert verb(api(cast.charlie), task, "claim").status_code == 404
    assert verb(api(cast.bob), task, "cancel").status_code == 403
    assert api(cast.bob).get(f"{TASKS}/{uuid4()}").status_code == 404
    assert verb(api(cast.bob), task, "complete", {"action": "approve", "output": YES}).status_code == 200
    again = verb(api(dora), task, "complete", {"action": "approve", "output": YES})
    assert again.status_code == 409
    assert again["Content-Type"] == "application/problem+json"
    assert again.json()["type"].endswith("/task-completed")


def test_an_answer_that_does_not_fit_comes_back_with_pointers(cast: Cast, api: Api) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    refused = verb(api(cast.bob), task, "complete", {"action": "maybe", "output": {"approved": "x", "extra": 1}})
    assert refused.status_code == 422
    assert {each["pointer"] for each in refused.json()["violations"]} == {
        "/action",
        "/output/approved",
        "/output/extra",
    }


def test_a_misspelt_field_is_not_dropped_silently(cast: Cast, api: Api) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    refused = verb(api(cast.bob), task, "complete", {"action": "approve", "ouput": YES})
    assert refused.status_code == 422
    assert refused.json()["violations"][0]["pointer"] == "/ouput"


def test_the_same_key_completes_once_and_answers_alike(cast: Cast, api: Api) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    body = {"action": "approve", "output": YES}
    first = verb(api(cast.bob), task, "complete", body, **{"Idempotency-Key": "k1"})
    second = verb(api(cast.bob), task, "complete", body, **{"Idempotency-Key": "k1"})
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert verb(api(cast.bob), task, "complete", body).status_code == 409


def test_a_stale_tag_is_412(cast: Cast, api: Api) -> None:
    task = ManualTaskFactory(assignee=cast.bob, version=4)
    put = lambda **how: api(cast.bob).put(f"{TASKS}/{task.pk}/draft", {"draft": {"a": 1}, **how.pop("body", {})}, **how)  # noqa: E731
    assert put(headers={"If-Match": '"3"'}).status_code == 412
    assert put(body={"version": 3}).status_code == 412
    assert put(headers={"If-Match": "3"}).status_code == 400
    assert put(headers={"If-Match": '"4"'}).status_code == 200


def test_lists_hold_what_the_caller_may_see(cast: Cast, api: Api) -> None:
    mine, free = ManualTaskFactory(assignee=cast.bob, title="Alpha"), ManualTaskFactory(title="Beta", priority=2)
    ManualTaskFactory(candidate_groups=["finance"])

    def ids(client: APIClient, query: str = "") -> list[str]:
        answer = client.get(f"{TASKS}{query}")
        assert answer.status_code == 200, answer.json()
        return [each["id"] for each in answer.json()["items"]]

    assert ids(api(cast.bob)) == [str(free.pk), str(mine.pk)]
    assert len(ids(api(cast.alice))) == 3
    assert ids(api(cast.charlie)) == []
    bob = api(cast.bob)
    assert ids(bob, "?box=my") == ids(bob, "?assignee=me") == ids(bob, "?search=alph") == [str(mine.pk)]
    assert ids(bob, "?box=group") == ids(bob, "?priority=HIGH,CRITICAL") == ids(bob, "?assignee=none") == [str(free.pk)]
    assert ids(bob, "?status=PENDING&status=ASSIGNED&ordering=title") == [str(mine.pk), str(free.pk)]
    assert bob.get(f"{TASKS}/counts").json() == {"my": 1, "group": 1, "overdue": 0, "done": 0}


@pytest.mark.parametrize(
    "query", ["box=mine", "status=OPEN", "priority=1", "workflowInstanceId=x", "overdue=maybe", "ordering=output", "cursor=x", "limit=0", "search=%00"]
)  # fmt: skip
def test_parameters_that_mean_nothing_are_400(cast: Cast, api: Api, query: str) -> None:
    assert api(cast.bob).get(f"{TASKS}?{query}").status_code == 400


def test_pages_follow_each_other_without_gaps(cast: Cast, api: Api) -> None:
    tasks = ManualTaskFactory.create_batch(7)
    url, seen = f"{TASKS}?limit=3&ordering=dueAt", []
    while url:
        answer = api(cast.bob).get(url).json()
        seen += [each["id"] for each in answer["items"]]
        url = answer["next"]
    assert sorted(seen) == sorted(str(task.pk) for task in tasks)


def test_many_tasks_are_changed_at_once(cast: Cast, api: Api) -> None:
    tasks = ManualTaskFactory.create_batch(3)
    body = {"ids": [str(task.pk) for task in tasks] + [str(uuid4())], "operation": "assign", "assignee": "bob"}
    answer = api(cast.alice).post(f"{TASKS}/bulk", body).json()
    assert (answer["succeeded"], answer["failed"]) == (3, 1)
    assert Task.objects.filter(assignee=cast.bob).count() == 3
    for wrong in ({"assignee": "bob"}, {"operation": "assign"}, {"operation": "claim", "reason": "x"}):
        refused = api(cast.alice).post(f"{TASKS}/bulk", {"ids": body["ids"], "operation": "assign"} | wrong)
        assert refused.status_code == (200 if "assignee" in wrong else 422)


def test_only_who_may_assign_learns_whether_an_account_exists(cast: Cast, api: Api) -> None:
    task = ManualTaskFactory()
    for name in ("nobody", "alice"):
        assert verb(api(cast.bob), task, "assign", {"assignee": name}).status_code == 403
        assert verb(api(cast.charlie), task, "assign", {"assignee": name}).status_code == 404
    assert verb(api(cast.alice), task, "assign", {"assignee": "nobody"}).status_code == 422
    assert verb(api(cast.alice), task, "assign", {"assignee": str(cast.bob.pk)}).status_code == 200
    assert verb(api(cast.alice), task, "assign", {"assignee": None}).json()["status"] == "PENDING"


def test_giving_back_a_task_that_one_then_no_longer_sees_still_answers(cast: Cast, api: Api) -> None:
    task = ManualTaskFactory(assignee=cast.bob, candidate_groups=["finance"])
    assert verb(api(cast.bob), task, "release").json()["status"] == "PENDING"
    assert api(cast.bob).get(f"{TASKS}/{task.pk}").status_code == 404


def test_people_comment(cast: Cast, api: Api) -> None:
    task = ManualTaskFactory()
    body = {"text": "<b>Why</b> so much?"}
    made = verb(api(cast.bob), task, "comments", body, **{"Idempotency-Key": "c1"})
    verb(api(cast.bob), task, "comments", body, **{"Idempotency-Key": "c1"})
    assert made.status_code == 201
    assert TaskComment.objects.count() == 1
    found = api(cast.bob).get(f"{TASKS}/{task.pk}/comments").json()["items"]
    assert [(each["author"]["username"], each["text"]) for each in found] == [("bob", "<b>Why</b> so much?")]
    assert verb(api(cast.bob), task, "comments", {"text": " "}).status_code == 422


def test_files_are_uploaded_and_only_ever_downloaded(cast: Cast, api: Api, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    task = ManualTaskFactory(assignee=cast.bob)
    url = f"{TASKS}/{task.pk}/attachments"

    def upload(name: str, content: bytes, content_type: str) -> Any:
        return api(cast.bob).post(url, {"file": SimpleUploadedFile(name, content, content_type)}, format="multipart")

    made = upload("offer.csv", b"a,b\n", "text/csv")
    assert (made.status_code, made.json()["name"], made.json()["size"]) == (201, "offer.csv", 4)
    one = f"{url}/{made.json()['id']}"
    got = api(cast.bob).get(one)
    assert b"".join(got.streaming_content) == b"a,b\n"
    assert got["Content-Disposition"] == 'attachment; filename="offer.csv"'
    assert got["X-Content-Type-Options"] == "nosniff"
    assert api(cast.charlie).get(one).status_code == 404
    assert upload("x.html", b"<script>", "text/html").status_code == 415
    assert api(cast.bob).post(url, {"file": "no"}).status_code == 415
    settings.AUGMENTED_MAX_ATTACHMENT = 3
    assert upload("offer.csv", b"a,b\n", "text/csv").status_code == 413
    assert api(cast.bob).delete(one).status_code == 204
    assert api(cast.bob).get(one).status_code == 404


def test_a_task_is_run_without_a_workflow(cast: Cast, api: Api) -> None:
    TaskDefinitionFactory()
    TaskDefinitionFactory(document=human_document())
    done = api(cast.alice).post(TASKS, {"taskId": "double", "input": {"amount": 2}})
    assert (done.status_code, done.json()["status"], done.json()["output"]) == (201, "COMPLETED", {"doubled": 4})
    opened = api(cast.alice).post(TASKS, {"taskId": "approve", "priority": "CRITICAL"})
    assert (opened.status_code, opened.json()["priority"]) == (201, "CRITICAL")
    assert api(cast.bob).post(TASKS, {"taskId": "double", "input": {"amount": 2}}).status_code == 403
    refused = api(cast.alice).post(TASKS, {"taskId": "double", "input": {}})
    assert refused.status_code == 422
    assert refused.json()["violations"][0]["pointer"].startswith("/input")
    assert api(cast.alice).post(TASKS, {"taskId": "nothing"}).status_code == 404


@pytest.mark.parametrize("body", [b"[]", b"3", b'"x"', b"null", b"{", b'{"a":1,"a":2}', b'{"output":"\\u0000"}'])
def test_no_body_makes_a_500(cast: Cast, api: Api, body: bytes) -> None:
    task = ManualTaskFactory(assignee=cast.bob)
    for name in ("claim", "assign", "draft", "complete", "cancel", "comments", "release"):
        answer = api(cast.bob).post(f"{TASKS}/{task.pk}/{name}", body, content_type="application/json")
        assert answer.status_code < 500, (name, body, answer.content)
    for url in (TASKS, f"{TASKS}/bulk", f"{TASKS}/definitions", f"{TASKS}/definitions/validate"):
        assert api(cast.alice).post(url, body, content_type="application/json").status_code in (400, 403, 422)
