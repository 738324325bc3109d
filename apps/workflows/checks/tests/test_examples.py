"""The example bundles are what they show: complete, without a finding, with inputs that fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from apps.tasks.checks import check_task
from apps.tasks.executors.emissions import emitted
from apps.validation.schemas import check_document, check_instance, check_schema
from apps.workflows.checks import DocumentCatalog, check_workflow
from apps.workflows.checks.tests.corpus import EXAMPLES

BUNDLES = sorted({path.parent for path in EXAMPLES.glob("*/workflow.*.json")})
DEFINITIONS = sorted(path for bundle in BUNDLES for path in bundle.glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    """A definition as it is applied: with the address of the example server filled in."""
    return json.loads(path.read_text().replace("{{exampleServices}}", "http://127.0.0.1:8900"))


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_every_example_is_a_bundle_with_the_workflow_that_it_is_named_after() -> None:
    names = [bundle.name for bundle in BUNDLES]
    assert names == [
        "customer-onboarding",
        "order-processing",
        "purchase-approval",
        "return-goods",
        "stock-reservation",
        "vendor-checks",
    ]
    assert all((bundle / f"workflow.{bundle.name}.json").exists() for bundle in BUNDLES)


@pytest.mark.parametrize("path", DEFINITIONS, ids=name_of)
def test_every_definition_fits_its_schema_and_is_named_by_its_file(path: Path) -> None:
    document = load(path)
    assert [each.as_json() for each in check_document(document["kind"], document)] == []
    assert path.stem.startswith(document["kind"] + ".")


@pytest.mark.parametrize("path", [path for path in DEFINITIONS if path.stem.startswith("task.")], ids=name_of)
def test_every_task_is_clean(path: Path) -> None:
    assert [each.as_json() for each in check_task(load(path))] == []


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_every_workflow_is_clean(bundle: Path) -> None:
    documents = [load(path) for path in bundle.glob("*.json")]
    for document in documents:
        if document["kind"] == "workflow":
            found = check_workflow(document, catalog=DocumentCatalog.of(documents))
            assert [each.as_json() for each in found] == []
            assert check_schema(document["inputSchema"]) == []


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_every_sample_input_can_start_its_workflow(bundle: Path) -> None:
    workflow = load(bundle / f"workflow.{bundle.name}.json")
    inputs = sorted(bundle.glob("inputs/*.json"))
    assert inputs
    for path in inputs:
        assert [each.as_json() for each in check_instance(workflow["inputSchema"], load(path))] == [], path


@pytest.mark.parametrize("path", [path for path in DEFINITIONS if path.stem.startswith("event.")], ids=name_of)
def test_every_example_of_an_event_fits_its_payload(path: Path) -> None:
    document = load(path)
    assert document["examples"]
    for example in document["examples"]:
        assert check_instance(document["payloadSchema"], example) == []


def test_every_event_that_is_emitted_or_awaited_is_defined() -> None:
    for bundle in BUNDLES:
        documents = [load(path) for path in bundle.glob("*.json")]
        defined = {document["pattern"] for document in documents if document["kind"] == "event"}
        named = set()
        for workflow in (document for document in documents if document["kind"] == "workflow"):
            named |= {step["pattern"] for step in workflow["steps"] if step.get("type") == "EMIT_EVENT"}
            named |= {step["eventPattern"] for step in workflow["steps"] if step.get("type") == "EVENT_WAIT"}
            named |= {entry["pattern"] for entry in workflow.get("onComplete", {}).get("emit", [])}
            named |= {entry["eventPattern"] for entry in workflow.get("triggers", []) if entry["type"] == "event"}
            named |= {entry["eventPattern"] for entry in workflow.get("cancellationTriggers", [])}
        for task in (document for document in documents if document["kind"] == "task"):
            named |= {entry["pattern"] for _, entry in emitted(task)}
        assert named == defined
