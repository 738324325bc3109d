"""Definitions of other dialects from the shell and over HTTP: shown, checked together, applied all or not at all."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from apps.auth.models import AuditEntry, User
from apps.tasks.models import TaskDefinition
from apps.ui.views.imports import EXAMPLE
from apps.workflows.models import Trigger, WorkflowDefinition
from apps.workflows.tests.factories import nap, published, started, worker_task

pytestmark = pytest.mark.django_db
Api = Callable[[User | None], APIClient]
URL = "/api/v1/bundles/convert"
FOREIGN_TASK = {
    "id": "Add Up",
    "implementation": {"kind": "expression", "parameters": {"output": {"sum": "${(input.a || 0) + input.b}"}}},
    "input_schema": {
        "type": "object",
        "required": ["b"],
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
    },
}
FOREIGN_WORKFLOW = {
    "id": "Sum It",
    "version": "1",
    "input_schema": {"type": "object", "required": ["b"], "properties": {"b": {"type": "number"}}},
    "steps": [
        {"id": "add-up", "task": "Add Up", "inputs": {"b": "${b}"}, "nextStep": "done"},
        {"id": "done", "type": "end", "result": {"sum": "${workflow.state.steps.add-up.output.sum}"}},
    ],
}


def stored() -> int:
    return WorkflowDefinition.objects.count() + TaskDefinition.objects.count()


def written(folder: Path, *documents: Any) -> Path:
    for index, document in enumerate(documents):
        (folder / f"{index}.json").write_text(json.dumps(document))
    return folder


def converted(client: APIClient, body: Any) -> list[dict[str, Any]]:
    answer = client.post(URL, body)
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


class TestFromTheShell:
    def test_plain_apply_says_what_to_do_and_keeps_nothing(self, alice: User, tmp_path: Path, capsys: Any) -> None:
        for path in (written(tmp_path, FOREIGN_WORKFLOW), tmp_path / "0.json"):
            with pytest.raises(CommandError):
                call_command("definitions", "apply", str(path), "--as", "alice")
            said = capsys.readouterr().err
            assert "looks like a workflow in another dialect" in said and "--convert" in said
        assert stored() == 0

    def test_a_marked_document_with_other_names_is_told_of_converting(self, alice: User, tmp_path: Path) -> None:
        path = written(tmp_path, {"kind": "workflow", **FOREIGN_WORKFLOW})
        with pytest.raises(CommandError, match="--convert would change"):
            call_command("definitions", "apply", str(path), "--as", "alice")

    def test_data_beside_definitions_is_passed_over(self, alice: User, tmp_path: Path) -> None:
        path = written(
            tmp_path, {"kind": "workflow", **nap()}, {"name": "Ada", "steps": 3}, [1, "x"], {"permissions": {}}
        )
        call_command("definitions", "apply", str(path), "--as", "alice")
        assert WorkflowDefinition.objects.count() == 1

    def test_convert_shows_each_change_and_writes_what_can_be_applied(
        self, alice: User, tmp_path: Path, capsys: Any
    ) -> None:
        (tmp_path / "in").mkdir()
        path, out = written(tmp_path / "in", FOREIGN_WORKFLOW, FOREIGN_TASK), tmp_path / "out"
        call_command("definitions", "convert", str(path), "--as", "alice", "--out", str(out))
        said = capsys.readouterr().out
        assert '/workflowId: "Sum It" → "sum-it"' in said
        assert stored() == 0
        assert sorted(file.name for file in out.iterdir()) == ["task.add-up.json", "workflow.sum-it.json"]
        call_command("definitions", "apply", str(out), "--as", "alice")
        run = started(alice, "sum-it", {"b": 3})
        assert (run.status, run.output) == ("COMPLETED", {"sum": 3})

    def test_convert_ends_with_an_error_where_something_must_be_decided(
        self, alice: User, tmp_path: Path, capsys: Any
    ) -> None:
        path = written(tmp_path, EXAMPLE)
        with pytest.raises(CommandError, match="1 of 1 documents"):
            call_command("definitions", "convert", str(path), "--as", "alice", "--out", str(tmp_path / "out"))
        assert "duration-unit /steps/1/timeout" in capsys.readouterr().err
        assert list((tmp_path / "out").iterdir()) == []

    def test_two_definitions_with_one_id_are_written_to_two_files(self, alice: User, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        published(nap(workflowId="w"))
        trigger = {"workflowDefinitionId": "w", "eventPattern": "a.b"}
        path = written(tmp_path / "in", trigger, trigger | {"eventPattern": "a.c"})
        call_command("definitions", "convert", str(path), "--out", str(tmp_path / "out"), "--as", "alice")
        assert len(list((tmp_path / "out").iterdir())) == 2

    def test_a_trigger_of_another_dialect_is_applied_and_its_bare_paths_are_expressions(
        self, alice: User, tmp_path: Path
    ) -> None:
        foreign = {
            "workflowDefinitionId": "nap",
            "pattern": "customers.created",
            "filterCondition": "${event.payload.type === 'enterprise'}",
            "mapping": {"who": "event.payload.name", "when": "${event.timestamp}"},
            "active": True,
        }
        path = written(tmp_path, {"kind": "workflow", **nap()}, foreign)
        call_command("definitions", "apply", str(path), "--convert", "--as", "alice")
        trigger = Trigger.objects.get()
        assert (trigger.key, trigger.workflow_id, trigger.event_pattern) == ("nap", "nap", "customers.created")
        assert trigger.document["inputMapping"] == {"who": "${event.payload.name}", "when": "${event.timestamp}"}
        assert trigger.document["eventCondition"] == "${event.payload.type == 'enterprise'}"
        assert trigger.correlation_key
        call_command("definitions", "apply", str(path), "--convert", "--as", "alice")
        assert Trigger.objects.get().revision == 1

    def test_apply_with_convert_publishes_all_or_nothing(self, alice: User, tmp_path: Path, capsys: Any) -> None:
        path = written(tmp_path, FOREIGN_WORKFLOW, FOREIGN_TASK)
        call_command("definitions", "apply", str(path), "--convert", "--as", "alice")
        assert WorkflowDefinition.objects.get().task_pins == {"add-up": "1.0.0"}
        written(tmp_path, FOREIGN_WORKFLOW | {"id": "other"}, FOREIGN_TASK, EXAMPLE)
        with pytest.raises(CommandError):
            call_command("definitions", "apply", str(path), "--convert", "--as", "alice")
        assert "duration-unit" in capsys.readouterr().err
        assert WorkflowDefinition.objects.count() == 1

    def test_placeholders_stay_in_what_is_written(self, alice: User, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        task = {"id": "call", "implementation": {"kind": "http", "url": "x", "endpoint": "{{shop}}/pay"}}
        del task["implementation"]["url"]  # type: ignore[attr-defined]
        path = written(tmp_path / "in", task)
        out = tmp_path / "out"
        call_command(
            "definitions", "convert", str(path), "--set", "shop=https://s.example", "--out", str(out), "--as", "alice"
        )
        assert json.loads((out / "task.call.json").read_text())["implementation"]["endpoint"] == "{{shop}}/pay"


class TestOverHttp:
    def test_one_document_a_list_files_and_a_zip_give_the_same(self, api: Api, alice: User) -> None:
        client = api(alice)
        [single] = converted(client, FOREIGN_TASK)
        [listed] = converted(client, [FOREIGN_TASK])
        [file] = converted(client, {"files": [{"name": "t.json", "text": json.dumps(FOREIGN_TASK)}]})
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("deep/../../t.json", json.dumps(FOREIGN_TASK))
            archive.writestr("readme.txt", "not a definition")
        answer = client.post(URL, packed.getvalue(), content_type="application/zip")
        [zipped] = answer.json()["results"]
        names = [each.pop("source") for each in (single, listed, file, zipped)]
        assert names == ["document", "document 1", "t.json", "deep/../../t.json"]
        assert single == listed == file == zipped
        assert (single["valid"], single["kept"], single["done"], single["id"]) == (True, True, "published", "add-up")
        assert stored() == 0 and not AuditEntry.objects.filter(resource="task").exists()

    def test_documents_see_each_other_and_everything_wrong_is_said_at_once(self, api: Api, alice: User) -> None:
        workflow, task = converted(api(alice), [FOREIGN_WORKFLOW, FOREIGN_TASK])
        assert workflow["valid"] and task["valid"]
        [alone] = converted(api(alice), [FOREIGN_WORKFLOW | {"timeout": 5, "colour": "red"}])
        assert {each["code"] for each in alone["violations"]} >= {"duration-unit", "unknown-field"}
        [lonely] = converted(api(alice), [FOREIGN_WORKFLOW])
        assert [each["pointer"] for each in lonely["violations"] if each["severity"] == "error"] == ["/steps/0/taskId"]
        assert lonely["done"] is None

    def test_a_choice_is_a_patch_that_settles_the_question_and_the_workflow_runs(self, api: Api, alice: User) -> None:
        client = api(alice)
        [result] = converted(client, EXAMPLE)
        [question] = [each for each in result["violations"] if each["severity"] == "error"]
        [step] = question["choices"][0]["fix"]
        assert step == {"op": "replace", "path": "/steps/1/timeout", "value": "P1D"}
        result["document"]["steps"][1]["timeout"] = step["value"]
        [settled] = converted(client, result["document"])
        assert settled["valid"] and settled["changes"] == []
        assert client.post("/api/v1/bundles", settled["document"]).status_code == 200
        run = started(alice, "expense-claim", {"amount": 10, "currency": "EUR"})
        assert (run.status, run.output) == ("COMPLETED", {"text": "Paid 10 for no reason"})
        asking = started(alice, "expense-claim", {"amount": 10, "currency": "USD"})
        assert asking.status == "RUNNING"

    def test_kinds_that_are_not_kept_are_checked_all_the_same(self, api: Api, alice: User) -> None:
        good, bad = converted(
            api(alice), [{"name": "r", "permissions": ["perm_view_workflow"]}, {"suiteId": "s", "tests": []}]
        )
        assert (good["valid"], good["kept"], [each["code"] for each in good["violations"]]) == (
            True,
            False,
            ["kind-not-kept"],
        )
        assert not bad["valid"] and {each["code"] for each in bad["violations"]} == {"minItems", "kind-not-kept"}

    def test_who_may_not_design_learns_that_and_nothing_about_what_is_stored(self, api: Api, bob: User) -> None:
        [result] = converted(api(bob), FOREIGN_WORKFLOW)
        assert [each["code"] for each in result["violations"]] == ["not-permitted"]

    def test_what_is_here_already_is_said(self, api: Api, alice: User) -> None:
        client = api(alice)
        [first] = converted(client, FOREIGN_TASK)
        assert client.post("/api/v1/bundles", [first["document"]]).json()["items"] == [
            {"kind": "task", "id": "add-up", "version": "1.0.0", "done": "published"}
        ]
        assert converted(client, FOREIGN_TASK)[0]["done"] == "unchanged"
        [other] = converted(client, FOREIGN_TASK | {"name": "Another"})
        [taken] = other["violations"]
        assert taken["code"] == "published-differently"
        assert taken["fix"] == [{"op": "add", "path": "/version", "value": "1.0.1"}]

    def test_a_file_that_is_no_json_is_one_result_among_others(self, api: Api, alice: User) -> None:
        files = [
            {"name": "a", "text": '{"id": 1, "id": 2}'},
            {"name": "b", "text": json.dumps(FOREIGN_TASK)},
            {"name": "c", "text": "["},
        ]
        results = converted(api(alice), {"files": files})
        assert [each["valid"] for each in results] == [False, True, False]
        assert [each["violations"][0]["code"] for each in results if not each["valid"]] == ["duplicate-key", "not-json"]

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b"x" * 2_000_000, "application/json", 413),
            (b"x" * 2_000_000, "application/zip", 413),
            (b"no zip", "application/zip", 400),
            (b"[" * 500 + b"]" * 500, "application/json", 400),
            (b"{}", "text/plain", 415),
            (json.dumps([{}] * 201).encode(), "application/json", 413),
            (b'{"files": 1}', "application/json", 422),
            (b'{"files": [{"name": 1, "text": ""}]}', "application/json", 422),
        ],
    )
    def test_hostile_bodies_are_refused(self, api: Api, alice: User, body: bytes, kind: str, status: int) -> None:
        answer = api(alice).post(URL, body, content_type=kind)
        assert answer.status_code == status
        assert answer["Content-Type"] == "application/problem+json"

    def test_a_zip_that_grows_is_refused_before_it_is_whole(self, api: Api, alice: User) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for index in range(3):
                archive.writestr(f"{index}.json", b" " * 3_000_000)
        answer = api(alice).post(URL, packed.getvalue(), content_type="application/zip")
        assert answer.status_code == 413

    def test_an_empty_bundle_is_refused(self, api: Api, alice: User) -> None:
        for url in (URL, "/api/v1/bundles"):
            answer = api(alice).post(url, [])
            assert (answer.status_code, answer.json()["violations"][0]["code"]) == (422, "empty")

    @pytest.mark.parametrize("value", [None, 1, "x", [None, 1], {}])
    def test_what_is_no_definition_is_said(self, api: Api, alice: User, value: Any) -> None:
        for result in converted(api(alice), value):
            assert not result["valid"] and result["violations"]

    def test_a_bundle_is_saved_as_drafts_or_not_at_all(self, api: Api, alice: User) -> None:
        client = api(alice)
        good = {"kind": "task", **worker_task()}
        refused = client.post("/api/v1/bundles?publish=false", [good, {"kind": "wrong"}])
        assert refused.status_code == 422 and stored() == 0
        assert refused.json()["violations"][0]["message"].startswith("document 2: ")
        saved = client.post("/api/v1/bundles?publish=false", [good])
        assert [each["done"] for each in saved.json()["items"]] == ["created"]
        assert TaskDefinition.objects.get().status == "draft"
        assert client.post("/api/v1/bundles?publish=maybe", [good]).status_code == 400
        assert client.post("/api/v1/bundles", "no").status_code == 422

    def test_the_same_key_applies_a_bundle_once(self, api: Api, alice: User) -> None:
        client, body = api(alice), [{"kind": "task", **worker_task()}]
        first, second = (client.post("/api/v1/bundles", body, headers={"Idempotency-Key": "k"}) for _ in range(2))
        assert first.json() == second.json()
        assert second["Idempotent-Replayed"] == "true"
