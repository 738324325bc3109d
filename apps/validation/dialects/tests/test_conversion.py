"""Whole documents: what is certain is converted and listed, what is in our language already stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from apps.validation.dialects import convert, looks_like
from apps.validation.dialects.kinds import KINDS
from apps.validation.dialects.tests import foreign
from apps.validation.dialects.tests.foreign import ALL, flaws, open_questions, steps_of, workflow
from apps.validation.schemas import registry

ROOT = Path(__file__).resolve().parents[4]
OURS = [
    *(pytest.param(json.loads(file.read_text()), id=file.name) for file in sorted(ROOT.glob("examples/*/*.json"))),
    *(
        pytest.param({"kind": kind} | example, id=f"{kind}-{index}")
        for kind in KINDS
        for index, example in enumerate(registry.get(kind).get("examples", ()))
    ),
    *(
        pytest.param({"kind": "workflow", "workflowId": "w"} | json.loads(file.read_text())["workflow"], id=file.stem)
        for file in sorted(ROOT.glob("apps/workflows/checks/tests/good/*.json"))
    ),
]


@pytest.mark.parametrize("document", OURS)
def test_a_document_in_our_language_passes_through_unchanged(document: dict[str, Any]) -> None:
    before = json.dumps(document)
    done = convert(document)
    assert json.dumps(done.document) == before
    assert done.changes == ()
    assert open_questions(done) == {}


@pytest.mark.parametrize("kind", ALL)
def test_a_foreign_document_becomes_one_that_fits_its_schema(kind: str) -> None:
    given = json.dumps(ALL[kind])
    done = convert(ALL[kind])
    assert done.kind == kind
    assert flaws(done) == []
    assert open_questions(done) == {}
    assert json.dumps(ALL[kind]) == given, "the document that was given stays as it was"


@pytest.mark.parametrize("kind", ALL)
def test_converting_twice_is_converting_once_and_always_gives_the_same(kind: str) -> None:
    once = convert(ALL[kind])
    assert once.changes
    again = convert(once.document)
    assert (again.document, again.changes) == (once.document, ())
    assert convert(ALL[kind]) == once


@pytest.mark.parametrize("kind", ALL)
def test_every_difference_is_listed_and_every_pointer_leads_somewhere(kind: str) -> None:
    done = convert(ALL[kind])
    for change in done.changes:
        assert change.message and change.before != change.after
        value: Any = done.document
        for token in change.pointer.split("/")[1:]:
            value = value[int(token)] if isinstance(value, list) else value[token]


def test_a_workflow_with_other_names_ids_expressions_and_shapes() -> None:
    done = convert(foreign.WORKFLOW)
    document, steps = done.document, steps_of(done)
    assert (document["workflowId"], document["version"]) == ("parcel-return", "2.0.0")
    assert document["metadata"] == {"createdBy": "someone"}
    assert document["variables"] == {
        "tries": {"initial": 0},
        "note": {"schema": {"type": "string"}, "initial": ""},
    }
    assert list(steps) == ["weigh_it", "ask-desk", "route", "the_end"]
    assert steps["weigh_it"] == {
        "stepId": "weigh_it",
        "type": "DECISION",
        "choices": [{"condition": "input.weight >= 30 || size(input.labels) == 0", "nextStep": "ask-desk"}],
        "default": "route",
    }
    assert steps["ask-desk"]["type"] == "HUMAN_TASK"
    assert steps["ask-desk"]["timeout"] == "PT4H"
    assert steps["ask-desk"]["taskDefinition"] == {
        "assigneeRole": "desk",
        "actions": [{"actionKey": "take"}, {"actionKey": "refuse"}],
    }
    assert steps["ask-desk"]["transitions"] == {"take": "route", "default": "the_end"}
    assert steps["route"]["output"] == {
        "to": "${coalesce(input.nick, 'depot')}",
        "why": "${coalesce(vars.note, 'none')}",
        "raw": "${workflow.input.parcel_id}",
    }
    assert steps["route"]["setVariables"] == {"tries": "vars.tries + 1"}
    assert steps["the_end"]["output"] == {"to": "${steps.route.output.?to}"}


def test_data_of_the_author_is_left_alone() -> None:
    event = convert(foreign.EVENT).document
    assert event["examples"] == foreign.EVENT["examples"]
    assert event["payloadSchema"] == foreign.EVENT["payload_schema"]
    assert (event["pattern"], event["sourceTypes"]) == ("parcels.returned", ["workflow", "external"])
    case = convert(foreign.TEST).document["cases"][0]
    assert case["mocks"] == [{"taskId": "weigh", "response": {"source_types": 1}}]


def test_permissions_are_turned_round_and_unknown_ones_are_said() -> None:
    done = convert(foreign.ROLE)
    assert done.document["permissions"] == ["start:workflow", "view:workflow", "task:read", "view:instance:own"]
    odd = convert({"name": "r", "permissions": ["perm_juggle_balls", "perm_create_workflow"]})
    assert open_questions(odd) == {"/permissions/0": "permission-unclear"}
    [unclear, unknown] = odd.violations
    assert [choice.label for choice in unclear.choices] == ["juggle:balls", "balls:juggle"]  # type: ignore[attr-defined]
    assert (unknown.code, unknown.severity) == ("permission-unknown", "warning")
    assert "design:workflow" in unknown.hint
    again = convert({"kind": "role", "name": "r", "permissions": ["create:workflow", "*", "*:task", "view:task:own"]})
    assert [each.code for each in again.violations] == ["permission-unknown"]
    assert again.changes == ()


def test_a_trigger_a_form_a_sequence_and_a_task() -> None:
    trigger = convert(foreign.TRIGGER).document
    assert trigger == {
        "kind": "trigger",
        "workflowId": "parcel-return",
        "eventPattern": "parcels.returned",
        "triggerType": "START",
        "eventCondition": "event.payload.weight != null && !event.payload.done",
        "inputMapping": {"parcel_id": "${event.payload.parcel_id}", "note": "came back"},
        "enabled": True,
    }
    form = convert(foreign.FORM).document
    assert (form["componentId"], form["componentType"]) == ("desk-form", "Form")
    assert [field["type"] for field in form["fields"]] == ["select", "textarea"]
    assert form["fields"][1]["visibleIf"] == "decision == 'refuse' || decision == 'a || b'"
    sequence = convert(foreign.SEQUENCE).document
    assert sequence["events"] == [{"eventId": "parcel_scanned", "order": 1}, {"eventId": "parcel_refunded", "order": 2}]
    assert sequence["rollbackStrategy"] == {"type": "compensating_events", "maxRetries": 3}
    task = convert(foreign.TASK).document
    assert task["implementation"]["parameters"] == {"method": "POST", "body": {"id": "${input.parcel_id}"}}
    assert (task["timeout"], task["retryPolicy"]) == (
        30_000,
        {"maxAttempts": 3, "strategy": "fixed", "delay": "PT5S"},
    )


@pytest.mark.parametrize(
    ("steps", "written"),
    [
        ({"a": {"type": "end"}}, [{"stepId": "a", "type": "END"}]),
        ([{"id": "a", "eventPattern": "x.y"}], [{"stepId": "a", "type": "EVENT_WAIT", "eventPattern": "x.y"}]),
        ([{"id": "a", "type": "end", "next": ["a"]}], [{"stepId": "a", "type": "END", "next": "a"}]),
        (
            [{"id": "a", "taskId": "t", "transitions": [{"condition": "input.x === 1", "to": "a"}, {"to": "a"}]}],
            [{"stepId": "a", "taskId": "t", "next": [{"nextStepId": "a", "condition": "input.x == 1"}, {"nextStepId": "a"}]}],
        ),
        ([{"id": "a", "taskId": "t", "onError": "a"}], [{"stepId": "a", "taskId": "t", "onFailure": {"nextStepId": "a"}}]),
        ([{"id": "a", "taskId": "t", "onFailure": "Continue"}], [{"stepId": "a", "taskId": "t", "onFailure": {"action": "continue"}}]),
    ],
)  # fmt: skip
def test_other_shapes_of_steps(steps: Any, written: Any) -> None:
    assert convert({"workflowId": "w", "steps": steps}).document["steps"] == written


def test_a_renamed_step_is_renamed_wherever_it_is_named() -> None:
    done = workflow(
        startAt="first step",
        steps=[
            {
                "stepId": "first step",
                "taskId": "t",
                "next": "2nd",
                "onFailure": {"errorHandler": {"conditions": [{"errorCode": "X", "nextStepId": "2nd"}]}},
            },
            {"stepId": "2nd", "type": "END", "output": {"x": "${steps['first step'].output.x}"}},
        ],
        compensationSteps=[{"stepId": "undo it", "compensationFor": "first step", "taskId": "u"}],
    )
    text = json.dumps(done.document)
    assert "first step" not in text and '"2nd"' not in text
    assert done.document["steps"][1] == {
        "stepId": "_2nd",
        "type": "END",
        "output": {"x": "${steps['first_step'].output.x}"},
    }
    assert (done.document["startAt"], done.document["compensationSteps"][0]["compensationFor"]) == ("first_step",) * 2


def test_steps_that_would_get_the_same_id_are_a_question() -> None:
    done = workflow(steps=[{"stepId": "a b", "type": "END"}, {"stepId": "a_b", "type": "END"}])
    assert [each.code for each in done.violations] == ["id-collision"]


def test_two_spellings_of_a_field_that_disagree_are_a_question_and_both_stay() -> None:
    done = convert({"event_id": "a", "eventId": "b", "pattern": "x.y", "payload_schema": {}})
    assert open_questions(done) == {"/event_id": "field-twice"}
    assert (done.document["event_id"], done.document["eventId"]) == ("a", "b")
    agreed = convert({"event_id": "a", "eventId": "a", "pattern": "x.y"})
    assert agreed.document == {"kind": "event", "eventId": "a", "pattern": "x.y"}


@pytest.mark.parametrize(
    ("fields", "pointer", "code", "choices"),
    [
        ({"timeout": 30}, "/timeout", "duration-unit", ["30 seconds", "30 milliseconds", "30 minutes"]),
        ({"variables": {"n": "number"}}, "/variables/n", "variable-unclear", 2),
        ({"steps": [{"stepId": "a", "taskId": "t", "retry": 3}]}, "/steps/0/retryPolicy", "retries-unclear", 2),
        ({"steps": [{"stepId": "a", "taskId": "t", "next": ["a", "b"]}]}, "/steps/0/next", "next-unclear", 0),
        ({"output": {"x": "${who.name}"}}, "/output/x", "expression-unclear", ["${input.who.name}", "${vars.who.name}"]),
        ({"workflowId": "订单"}, "/workflowId", "id-unclear", 0),
    ],
)  # fmt: skip
def test_what_can_mean_several_things_is_asked_and_left_as_it_is(
    fields: Any, pointer: str, code: str, choices: Any
) -> None:
    done = workflow(**fields)
    [asked] = [each for each in done.violations if each.severity == "error"]
    assert (asked.pointer, asked.code) == (pointer, code)
    assert asked.message and asked.hint
    labels = [each.label for each in getattr(asked, "choices", ())]
    assert (labels if isinstance(choices, list) else len(labels)) == choices


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"workflow": {"id": "w", "steps": []}}, "workflow"),
        ({"kind": "Workflow", "workflowId": "w"}, "workflow"),
        ({"kind": "ui_component", "componentId": "c"}, "uiComponent"),
        ({"kind": "TaskDefinition", "taskId": "t"}, "task"),
        ({"type": "event-definition", "eventId": "e"}, "event"),
        ({"integrationId": "i", "methods": []}, "integration"),
        ({"cron": "* * * * *", "workflowId": "w"}, "schedule"),
    ],
)
def test_the_kind_is_found(given: Any, kind: str) -> None:
    done = convert(given)
    assert (done.kind, done.document["kind"]) == (kind, kind)


@pytest.mark.parametrize(
    "given", [{}, {"a": 1}, {"orderId": "O-1", "items": [], "status": "new"}, {"kind": "wrokflow"}, {"kind": 7}]
)
def test_what_is_no_definition_is_not_taken_for_one(given: Any) -> None:
    done = convert(given)
    assert (done.kind, done.document) == ("", given)
    assert [each.code for each in done.violations] in (["kind-unclear"], ["kind-unknown"])
    assert looks_like(given) == ""


@pytest.mark.parametrize("given", [None, 1, "x", [], [{"id": 1}]])
def test_what_is_no_object_is_said(given: Any) -> None:
    assert [each.code for each in convert(given).violations] == ["type"]
