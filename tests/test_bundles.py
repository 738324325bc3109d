"""Bundles of definitions: all or nothing, twice is once, what is named comes first, and out as it went in."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.auth.access import AccessDenied
from apps.auth.models import AuditEntry, User
from apps.events.models import EventDefinition
from apps.tasks.models import TaskDefinition
from apps.tasks.tests.factories import http_document
from apps.validation.definitions import bundles
from apps.validation.definitions.bundles import Document
from apps.validation.problems import Unprocessable
from apps.workflows.models import WorkflowDefinition
from apps.workflows.tests.factories import errand, nap, started, worker_task
from apps.workflows.tests.live import advance, fresh

pytestmark = pytest.mark.django_db
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
KINDS = (EventDefinition, TaskDefinition, WorkflowDefinition)


def document(kind: str, content: dict[str, Any]) -> Document:
    return Document(f"{kind}.json", {"kind": kind, **content})


def stored() -> int:
    return sum(kind.objects.count() for kind in KINDS)


def test_every_example_can_be_applied_and_started(alice: User) -> None:
    for folder in sorted(path.parent for path in EXAMPLES.glob("*/inputs")):
        documents = bundles.read(folder, {"exampleServices": "http://127.0.0.1:8900"})
        done = bundles.apply(documents, actor=alice)
        assert {each.done for each in done if each.kind != "schedule"} == {"published"}
        assert {each.done for each in done if each.kind == "schedule"} <= {"created"}
        for sample in (folder / "inputs").glob("*.json"):
            run = started(alice, folder.name, json.loads(sample.read_text()))
            advance()
            assert fresh(run).status != "CREATED"


def test_what_a_definition_names_is_applied_before_it(alice: User) -> None:
    done = bundles.apply([document("workflow", errand()), document("task", worker_task())], actor=alice)
    assert [each.kind for each in done] == ["task", "workflow"]
    assert WorkflowDefinition.objects.get().task_pins == {"errand": "1.0.0"}


def test_a_workflow_that_another_starts_is_applied_before_it(alice: User) -> None:
    def calling(workflow_id: str, child: str) -> dict[str, Any]:
        return nap(workflowId=workflow_id, steps=[{"stepId": "c", "type": "SUB_WORKFLOW", "workflowId": child}])

    bundle = [calling("a", "b"), calling("b", "nap"), nap(), calling("z", "a")]
    done = bundles.apply([document("workflow", each) for each in bundle], actor=alice)
    assert [each.key for each in done] == ["nap", "b", "a", "z"]
    assert WorkflowDefinition.objects.get(key="a").workflow_pins == {"b": "1.0.0"}


def test_workflows_that_start_each_other_in_a_circle_are_refused(alice: User) -> None:
    pair = [
        nap(workflowId=one, steps=[{"stepId": "c", "type": "SUB_WORKFLOW", "workflowId": other}])
        for one, other in (("a", "b"), ("b", "a"))
    ]
    with pytest.raises(Unprocessable):
        bundles.apply([document("workflow", each) for each in pair], actor=alice)
    assert stored() == 0


def test_one_wrong_document_keeps_all_others_out_and_every_problem_is_told(alice: User) -> None:
    bad_reference = nap(steps=[{"stepId": "a", "type": "DELAY", "duration": "PT1S", "next": "nowhere"}])
    bad_schema = worker_task("broken") | {"type": "AUTOMATIC"}
    bundle = [document("task", worker_task()), document("task", bad_schema), document("workflow", bad_reference)]
    with pytest.raises(Unprocessable) as refused:
        bundles.apply([*bundle, Document("x.json", {"kind": "wrokflow"})], actor=alice)
    found = {(each.message.partition(":")[0], each.pointer) for each in refused.value.violations}
    assert ("workflow.json", "/steps/0/next") in found
    assert ("task.json", "/type") in found
    assert any(message == "x.json" for message, _ in found)
    assert stored() == 0
    assert not AuditEntry.objects.filter(resource__in=["workflow", "task"]).exists()


def test_applying_twice_changes_nothing_the_second_time(alice: User) -> None:
    bundle = [document("task", worker_task()), document("workflow", errand())]
    bundles.apply(bundle, actor=alice)
    before = [(row.id, row.revision, row.updated_at) for kind in KINDS for row in kind.objects.all()]
    assert {each.done for each in bundles.apply(bundle, actor=alice)} == {"unchanged"}
    assert [(row.id, row.revision, row.updated_at) for kind in KINDS for row in kind.objects.all()] == before


def test_a_published_version_with_another_content_refuses_the_bundle(alice: User) -> None:
    bundles.apply([document("workflow", nap())], actor=alice)
    changed = [document("task", worker_task()), document("workflow", nap("PT2H"))]
    with pytest.raises(Unprocessable) as refused:
        bundles.apply(changed, actor=alice)
    assert [each.code for each in refused.value.violations] == ["published-differently"]
    assert stored() == 1
    bundles.apply([document("workflow", nap("PT2H", version="1.0.1"))], actor=alice)
    assert WorkflowDefinition.objects.count() == 2


def test_checking_a_bundle_keeps_nothing(alice: User) -> None:
    assert bundles.check([document("task", worker_task()), document("workflow", errand())], actor=alice) == []
    found = bundles.check([document("workflow", errand())], actor=alice)
    assert [each.pointer for each in found if each.severity == "error"] == ["/steps/0/taskId"]
    assert stored() == 0


def test_a_bundle_needs_the_right_to_design(bob: User) -> None:
    with pytest.raises(AccessDenied):
        bundles.apply([document("workflow", nap())], actor=bob)
    assert stored() == 0


def test_placeholders_are_filled_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    task = {"kind": "task", **http_document("{{ shop }}/pay/{{shop}}")}
    (tmp_path / "task.pay.json").write_text(json.dumps(task))
    [read] = bundles.read(tmp_path, {"shop": "https://shop.example"})
    assert read.content["implementation"]["endpoint"] == "https://shop.example/pay/https://shop.example"
    with pytest.raises(Unprocessable, match="shop"):
        bundles.read(tmp_path, {})


@pytest.mark.parametrize("text", ["{", "", '{"kind": "task", "kind": "task"}', '{"kind": NaN}', "[" * 100 + "]" * 100])
def test_a_file_that_is_no_strict_json_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(Unprocessable, match=r"bad\.json"):
        bundles.read(tmp_path, {})


def test_what_is_exported_can_be_applied_elsewhere_and_is_the_same(alice: User, tmp_path: Path) -> None:
    bundles.apply([document("task", worker_task()), document("workflow", errand())], actor=alice)
    files = bundles.export(["task", "workflow"], tmp_path)
    assert sorted(path.name for path in files) == ["task.errand.json", "workflow.errand.json"]
    assert {each.done for each in bundles.apply(bundles.read(tmp_path, {}), actor=alice)} == {"unchanged"}
    for kind in KINDS:
        kind.objects.all().delete()
    assert {each.done for each in bundles.apply(bundles.read(tmp_path, {}), actor=alice)} == {"published"}


def test_the_command_applies_a_folder_and_says_what_it_did(admin: User, tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text(
        json.dumps([{"kind": "workflow", **errand()}, {"kind": "task", **worker_task()}])
    )
    said = StringIO()
    call_command("definitions", "apply", str(tmp_path), stdout=said)
    assert [line.split() for line in said.getvalue().splitlines()] == [
        ["published", "task", "errand", "1.0.0"],
        ["published", "workflow", "errand", "1.0.0"],
    ]


def test_the_command_refuses_with_every_problem_and_its_hint(admin: User, tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text(json.dumps({"kind": "workflow", **errand("erand"), "naem": "x"}))
    said = StringIO()
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("definitions", "validate", str(tmp_path), stderr=said)
    assert "/naem" in said.getvalue()
    assert "name" in said.getvalue()
    assert stored() == 0


def test_the_shell_says_what_a_bundle_would_change(
    alice: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundles.apply([document("workflow", nap())], actor=alice)
    slower = nap(version="1.1.0", steps=[{"stepId": "sleep", "type": "DELAY", "duration": "PT2H"}])
    for name, content in (("nap", slower), ("doze", nap(workflowId="doze"))):
        (tmp_path / f"{name}.json").write_text(json.dumps({"kind": "workflow", **content}))
    call_command("definitions", "diff", str(tmp_path), "--as", "alice")
    said = capsys.readouterr().out
    assert "doze.json\n  It is new here." in said
    assert "nap.json against 1.0.0" in said
    assert "PT2H" in said or "2 hours" in said
