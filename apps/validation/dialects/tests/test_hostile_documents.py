"""Documents made to hurt: an answer in good time, nothing executed, nothing lost."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.validation.dialects import convert
from apps.validation.dialects.tests.foreign import ALL, workflow
from apps.validation.schemas import registry

NAMES = sorted(
    {name for kind in ALL for name in [*registry.get(kind)["properties"], *ALL[kind]]} | {"id", "next_step", "kind"}
)
TEXTS = st.one_of(
    st.sampled_from(
        ["${input.a || 'x'}", "a?.b ?? c", "end", "1.0", "30s", "Ä b", "steps.a.output", "perm_a_b", "${", "{{a.b}}"]
    ),
    st.text(max_size=20),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(st.sampled_from(NAMES), TEXTS), inner, max_size=5)),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(ALL)), document=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8))
def test_any_document_is_answered_and_its_conversion_is_stable(kind: str, document: dict[str, Any]) -> None:
    once = convert(document, kind=kind)
    again = convert(once.document, kind=kind)
    assert again.document == once.document
    assert again.changes == ()


@pytest.mark.parametrize("name", ["steps", "output", "metadata", "inputSchema"])
def test_deep_nesting_is_said(name: str) -> None:
    value: Any = {}
    for _ in range(50_000):
        value = {name: value}
    assert [each.code for each in workflow(**{name: value}).violations][:1] in ([], ["too-deep"])


def test_a_huge_document_takes_time_in_proportion_to_its_size() -> None:
    def seconds(count: int) -> float:
        steps = [
            {"id": f"step {n}", "type": "transform", "mapping": {"x": "${a || 'x'}"}, "nextStep": f"step {n + 1}"}
            for n in range(count)
        ]
        started = time.process_time()
        workflow(steps=steps)
        return time.process_time() - started

    seconds(50)
    assert seconds(2_000) < 20 * seconds(200) + 1


@pytest.mark.parametrize(
    "text",
    ["(" * 5_000, "a?." * 4_000 + "b", "a || " * 3_000 + "b", "'" * 9_999, "${" * 5_000, "{{a." * 5_000, "x => " * 3_000, "-" * 7_000 + "1"],
)  # fmt: skip
def test_a_hostile_expression_is_answered_quickly(text: str) -> None:
    started = time.process_time()
    workflow(output={"a": text, "b": "${" + text + "}"}, steps=[{"stepId": "a", "type": "END", "condition": text}])
    assert time.process_time() - started < 3


def test_fields_that_rename_each_other_in_a_circle_keep_both_values() -> None:
    done = workflow(steps=[{"stepId": "a", "id": "b", "step_id": "c", "type": "END"}])
    assert done.document["steps"][0] == {"stepId": "a", "id": "b", "step_id": "c", "type": "END"}
    assert [each.code for each in done.violations] == ["field-twice"] * 2
    swapped = workflow(
        steps=[{"stepId": "a b", "type": "END", "next": "a_b"}, {"stepId": "a_b", "type": "END", "next": "a b"}]
    )
    assert "id-collision" in [each.code for each in swapped.violations]


def test_markup_and_code_in_names_stay_text() -> None:
    name = "<script>alert(1)</script>"
    done = workflow(name=name, workflowId=name, metadata={name: "__import__('os')"}, description="${__import__('os')}")
    assert done.document["name"] == name
    assert done.document["metadata"] == {name: "__import__('os')"}
    assert done.document["workflowId"] == "script-alert-1-script"
    assert convert({"kind": name}).document == {"kind": name}


def test_keys_that_mean_something_elsewhere_are_keys_like_any_other() -> None:
    done = workflow(metadata={"__proto__": 1, "__class__": 2}, variables={"__proto__": 1})
    assert done.document["metadata"] == {"__proto__": 1, "__class__": 2}
    assert done.document["variables"] == {"__proto__": {"initial": 1}}
