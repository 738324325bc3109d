"""Faulty expressions are refused when they are compiled, with the column and a hint."""

from __future__ import annotations

import pytest

from apps.validation.expressions import (
    TRIGGER_ROOTS,
    ExpressionError,
    TemplateError,
    check_template,
    compile_expression,
    compile_template,
)

FAULTS = [
    ("input.a +", "expression-syntax", 10, ""),
    ("", "expression-syntax", 1, ""),
    ("input.a = 1", "expression-syntax", 9, "=="),
    ("input.a & input.b", "expression-syntax", 9, "&&"),
    ("input.a and input.b", "expression-syntax", 9, "&&"),
    ("input.a ?? 1", "expression-syntax", 10, "coalesce"),
    ("input.a == 'x", "expression-syntax", 12, ""),
    ("'\\q'", "expression-syntax", 2, ""),
    ("[1, 2", "expression-syntax", 6, ""),
    ("input.in", "expression-syntax", 7, ""),
    ("if(x)", "expression-syntax", 1, ""),
    ("Message{a: 1}", "expression-syntax", 8, ""),
    ("has(input)", "expression-syntax", 1, ""),
    ("inptu.a", "expression-root", 1, "`input`"),
    ("1 + foo.bar", "expression-root", 5, ""),
    ("undefined", "expression-root", 1, "null"),
    ("event.payload", "expression-root", 1, "exists elsewhere"),
    ("workflow", "expression-root", 1, "workflow.input"),
    ("__p0", "expression-root", 1, ""),
    ("workflow.inputs.a", "expression-field", 1, "`input`"),
    ("workflow.state.stepz.a", "expression-field", 1, "`steps`"),
    ("steps.pay.ouput.id", "expression-field", 1, "`output`"),
    ("input.name.toUpperCase()", "expression-function", 12, "upperAscii"),
    ("toUpper(input.name)", "expression-function", 1, ""),
    ("startsWith(input.a, 'x')", "expression-function", 1, "value.startsWith()"),
    ("input.lines.map(l)", "expression-arguments", 13, "list.map"),
    ("now(1)", "expression-arguments", 1, ""),
    ("'a' + 1", "expression-type", 5, ""),
    ("${ 1 + 'a' }", "expression-type", 6, ""),
    ("'é' + 1", "expression-type", 5, ""),
    ("size(1)", "expression-type", 1, ""),
    ("9223372036854775808", "expression-number", 1, ""),
    ("1e400", "expression-number", 1, ""),
    ("$input.a", "expression-syntax", 1, ""),
]


@pytest.mark.parametrize(("text", "code", "column", "hint"), FAULTS, ids=[fault[0] or "empty" for fault in FAULTS])
def test_fault_is_reported_with_its_column(text: str, code: str, column: int, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert (caught.value.code, caught.value.column) == (code, column), caught.value.message
    assert hint in caught.value.hint


def test_roots_depend_on_the_place() -> None:
    assert compile_expression("event.payload.x", roots=TRIGGER_ROOTS).reads == {("event", "payload", "x")}
    with pytest.raises(ExpressionError, match="`input` is not known here"):
        compile_expression("input.x", roots=TRIGGER_ROOTS)
    assert compile_expression("decision === 'reject'", roots=frozenset({"decision"})).reads == {("decision",)}


def test_column_in_a_longer_text_counts_from_its_beginning() -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template({"a": ["Order ${input.x + }"]})
    assert caught.value.pointer == "/a/0"
    assert caught.value.column == 19


def test_all_faults_of_a_template_come_at_once() -> None:
    found = check_template({"a": "${foo}", "b": "${input.x", "c": "${input.ok}"}, pointer="/steps/0/input")
    assert [(violation.pointer, violation.code) for violation in found] == [
        ("/steps/0/input/a", "expression-root"),
        ("/steps/0/input/b", "expression-syntax"),
    ]


def test_same_fault_is_raised_afresh_each_time() -> None:
    errors = []
    for _ in range(2):
        with pytest.raises(ExpressionError) as caught:
            compile_expression("foo.bar")
        errors.append(caught.value)
    assert errors[0] is not errors[1]
