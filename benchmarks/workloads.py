"""What is measured: workflows of 1 or 10 steps that run inline, on workers without doing anything, or call HTTP.

And two that go through a list: `for-each-inline` with a step that runs inline, `for-each-worker` with a worker's task.
"""

from __future__ import annotations

from typing import Any

from apps.auth.models import User
from apps.tasks.services import definitions as tasks
from apps.workflows.services import definitions as workflows

VERSION = "1.0.0"


def _task(task_id: str, implementation: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "taskId": task_id,
        "name": task_id,
        "version": VERSION,
        "type": "AUTOMATED",
        "implementation": implementation,
    } | more


def _workflow(workflow_id: str, length: int, step: dict[str, Any]) -> dict[str, Any]:
    steps = [{"stepId": f"step-{n}", **step, "next": f"step-{n + 1}"} for n in range(1, length + 1)]
    del steps[-1]["next"]
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    return {"workflowId": workflow_id, "name": workflow_id, "version": VERSION, "inputSchema": schema, "steps": steps}


def _for_each(kind: str, step: dict[str, Any]) -> dict[str, Any]:
    each = {"stepId": "each", "type": "FOR_EACH", "items": "input.items", "concurrency": 100}
    schema = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": {"type": "integer"}}},
        "required": ["items"],
    }
    return _workflow(f"for-each-{kind}", 1, each | {"steps": [{"stepId": "one", **step}]}) | {"inputSchema": schema}


def install(user: User, server: str) -> None:
    """Publish `inline-1`, `inline-10`, `worker-1`, …, `http-10`, `for-each-inline`, `for-each-worker` and their tasks."""
    no_op = {"kind": "EXPRESSION", "parameters": {"output": {"n": "${input.n}"}}}
    documents = [
        _task("no-op", no_op, executionConfig={"executor": "worker"}),
        _task(
            "call",
            {"kind": "HTTP", "endpoint": server + "/", "parameters": {"method": "POST", "body": {"n": "${input.n}"}}},
        ),
    ]
    for document in documents:
        tasks.save_definition(actor=user, document=document)
        tasks.publish_definition(actor=user, key=document["taskId"])
    given = {"input": {"n": "${input.n}"}}
    kinds = {
        "inline": {"type": "TRANSFORM", "output": {"n": "${input.n + 1}"}},
        "worker": {"type": "TASK", "taskId": "no-op", **given},
        "http": {"type": "TASK", "taskId": "call", **given},
    }
    made = [_workflow(f"{kind}-{length}", length, step) for kind, step in kinds.items() for length in (1, 10)]
    made.append(_for_each("inline", {"type": "TRANSFORM", "output": {"n": "${item + 1}"}}))
    made.append(_for_each("worker", {"type": "TASK", "taskId": "no-op", "input": {"n": "${item}"}}))
    for document in made:
        workflows.save(actor=user, document=document)
        workflows.publish(actor=user, workflow_id=document["workflowId"])
