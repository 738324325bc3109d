"""What expressions are worth, and what they read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.validation.expressions import (
    ALL_ROOTS,
    EvaluationError,
    compile_expression,
    compile_template,
    truthy,
)

CONTEXT: dict[str, Any] = {
    "input": {
        "one": 1,
        "half": 2.5,
        "name": "Ada",
        "none": None,
        "yes": True,
        "empty": [],
        "since": "2025-01-01T00:00:00Z",
        "lines": [{"sku": "x", "price": 2, "quantity": 3}, {"sku": "y", "price": 1.5, "quantity": 2}],
        "odd-name": {"in": 7},
    },
    "vars": {"total": 7},
    "steps": {"pay": {"status": "COMPLETED", "output": {"id": "P-1", "amount": 100}, "error": None}},
    "workflow": {
        "instance": {"id": "I-1", "correlationId": "C-1", "startedAt": "2026-01-01T00:00:00Z", "definition": "d"},
        "cancellation": {"reason": "changed my mind"},
    },
    "now": datetime(2026, 1, 1, tzinfo=UTC),
    "user": {"id": "bob", "roles": ["manager"]},
    "item": {"price": 3},
    "index": 0,
    "event": {"payload": {"orderId": "O-1"}},
    "error": {"code": "DECLINED", "message": "no"},
}

VALUES: list[tuple[str, Any]] = [
    ("input.one", 1),
    ("${input.one}", 1),
    ("  ${ workflow.input.one }  ", 1),
    ("workflow.variables.total + workflow.context.total + vars.total", 21),
    ("workflow.state.steps.pay.output.id", "P-1"),
    ("steps.pay.status == 'COMPLETED'", True),
    ("workflow.instance.correlationId", "C-1"),
    ("workflow.cancellation.reason", "changed my mind"),
    ("event.payload.orderId", "O-1"),
    ("error.code", "DECLINED"),
    ("item.price * (index + 1)", 3),
    # Whole numbers and decimals mix
    ("2 * 1.5", 3.0),
    ("input.one + input.half", 3.5),
    ("input.half - input.one", 1.5),
    ("input.one / input.half", 0.4),
    ("5.5 % 2", 1.5),
    ("-7 % 3", -1),
    ("-7.0 % 3", -1.0),
    ("1 == 1.0", True),
    ("1 in [1.0, 2.0]", True),
    ("size(input.lines) < 2.5", True),
    ("input.yes ? 1 : 1.5", 1),
    ("math.round(input.one) + math.round(2.5)", 4.0),
    ("math.greatest(1, 2.5, input.one)", 2.5),
    # Dialect
    ("input.one === 1 && input.name !== 'x'", True),
    # Functions
    ("now()", "2026-01-01T00:00:00Z"),
    ("now() > timestamp(input.since)", True),
    ("now() + duration('1h')", "2026-01-01T01:00:00Z"),
    ("exists(input.one)", True),
    ("exists(input.none)", False),
    ("exists(input.nothing.at.all)", False),
    ("input.lines.filter(l, exists(l.gift))", []),
    ("isEmpty(input.empty) && isEmpty(input.none) && isEmpty(input.nothing) && isEmpty('')", True),
    ("isEmpty(input.name) || isEmpty(0)", False),
    ("contains(input.name, 'd') && contains([1, 2], 2.0) && contains({'k': 1}, 'k')", True),
    ("contains([1], true)", False),
    ("['a', 'b'].contains('b')", True),
    ("sum(input.lines.map(l, l.price * l.quantity))", 9.0),
    ("sum([])", 0),
    ("coalesce(input.nothing, input.none, 'x')", "x"),
    ("coalesce(input.nothing, input.lines[0].price + 1)", 3),
    ("coalesce(input.nothing, null)", None),
    ("input.lines.map(l, coalesce(l.gift, l.sku))", ["x", "y"]),
    ("user.hasRole('manager')", True),
    ("user.hasRole('admin')", False),
    # Optional
    ("input.?nothing.orValue(3)", 3),
    ("input.?name.orValue('x')", "Ada"),
    ("input.?nothing", None),
    ("input.?none.deeper.orValue(1)", 1),
    ("input.lines[?7].?sku.orValue('?')", "?"),
    ("[?input.?nothing, 1]", [1]),
    ("{'a': input.one, ?'b': input.?nothing}", {"a": 1}),
    ("optional.of(input.one).optMap(x, x + 1).value()", 2),
    ("optional.none()", None),
    # Lists
    ("input.lines.filter(l, l.price > 1.7).map(l, l.sku)", ["x"]),
    ("input.lines.map(l, l.quantity > 2, l.sku)", ["x"]),
    ("input.lines.exists(l, l.price > 1 && input.one == 1)", True),
    ("input.lines.all(l, l.price > input.half)", False),
    ("input.lines.exists_one(l, l.quantity == 3)", True),
    ("input.lines.map(a, input.lines.filter(b, b.sku == a.sku).map(c, c.price + a.quantity))", [[5], [3.5]]),
    ("input.lines.map(item, item.price)", [2, 1.5]),
    ("{'b': 1, 'a': 2}.map(k, k).size()", 2),
    # Texts and others
    ("input.name.upperAscii() + '!'", "ADA!"),
    ("'a-b'.replace('-', '+')", "a+b"),
    ("['a', 'b'].join('-')", "a-b"),
    ("'%s has %d'.format([input.name, input.one])", "Ada has 1"),
    ("input['odd-name'].`in` + input.`odd-name`['in']", 14),
    ("has(input.name) && !has(input.nothing)", True),
    ("input.yes ? 'text' : null", "text"),
    ("-(input.one + 1)", -2),
    ("!(input.one > 1)", True),
    ("r'\\d' + '\\u00e9\\n'", "\\dé\n"),
    ("b'abc'", "YWJj"),
    ("duration('90m')", "PT1H30M"),
    ("-9223372036854775808", -(2**63)),
    ("// a remark\n input.one", 1),
    # Errors are lazy
    ("true || input.nothing", True),
    ("input.nothing && false", False),
    ("has(input.address) && input.address.street == 'x'", False),
]


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_expression_has_the_value_people_expect(text: str, value: Any) -> None:
    result = compile_expression(text, roots=ALL_ROOTS).evaluate(CONTEXT)
    assert result == value
    assert type(result) is type(value)


ERRORS = [
    ("input.nothing", "missing", "`input.nothing` is missing: `input` has no field `nothing`."),
    ("input.none.x + 1", "missing", "`input.none.x` is missing: `input.none` is null."),
    ("input.lines[5].sku", "missing", "`input.lines[5].sku` is missing: `input.lines` has 2 items."),
    ("input.lines.sku", "missing", "`input.lines.sku` is missing: `input.lines` is a list."),
    ("input.name.first", "missing", "`input.name.first` is missing: `input.name` is neither an object nor a list."),
    ("task.title", "missing", "`task` has no value at this place."),
    ("input.name + input.one", "type-mismatch", "`+` does not work on a text and a whole number."),
    ("input.one ? 1 : 2", "type-mismatch", "What stands before `?` must be true or false."),
    ("1 / (input.one - 1)", "division-by-zero", "Division by zero."),
    ("input.half / (input.one - 1)", "division-by-zero", "Division by zero."),
    ("9223372036854775807 + input.one", "out-of-range", "overflow"),
    ("sum(input.lines)", "evaluation-failed", "sum() works on numbers"),
    ("input.name.map(x, x)", "type-mismatch", "map and filter work on a list or an object."),
    ("input.lines.map(l, l.nothing)", "missing", "`nothing`"),
    ("input.lines.filter(l, l.sku)", "type-mismatch", "true or false"),
    ("[optional.of(1)]", "type-mismatch", "orValue"),
    ("{1: 2}", "type-mismatch", "keys of an object"),
    ("1.0 / 0.0", "not-a-number", "infinite"),
    ("'x'.matches('(')", "evaluation-failed", "regular expression"),
]


@pytest.mark.parametrize(("text", "code", "message"), ERRORS, ids=[text for text, _, _ in ERRORS])
def test_evaluation_error_says_what_is_wrong_with_the_data(text: str, code: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        compile_expression(text, roots=ALL_ROOTS).evaluate(CONTEXT)
    assert caught.value.code == code
    assert message in caught.value.message


READS = [
    ("steps.pay.output.id + input.a.b", {("steps", "pay", "output", "id"), ("input", "a", "b")}, set()),
    ("workflow.state.steps.pay.output", {("steps", "pay", "output")}, set()),
    ("workflow.context.x", {("vars", "x")}, set()),
    ("workflow.instance.id", {("workflow", "instance", "id")}, set()),
    ("input.list[input.i].x", {("input", "list"), ("input", "i")}, set()),
    ("input.list[0].x", {("input", "list")}, set()),
    ("input['a']['b']", {("input", "a", "b")}, set()),
    ("input.?a.b", {("input", "a", "b")}, {("input", "a", "b")}),
    ("exists(input.a) && input.b", {("input", "a"), ("input", "b")}, {("input", "a")}),
    ("exists(input.a) && input.a > 1", {("input", "a")}, set()),
    ("has(input.a)", {("input", "a")}, {("input", "a")}),
    ("input.lines.map(l, l.price * vars.rate)", {("input", "lines"), ("vars", "rate")}, set()),
    ("input.x.map(input, input.y)", {("input", "x")}, set()),
    ("user.hasRole('x')", {("user", "roles")}, set()),
    ("now()", set(), set()),
    ("1 + 1", set(), set()),
]


@pytest.mark.parametrize(("text", "reads", "optional"), READS, ids=[text for text, _, _ in READS])
def test_reads_are_known_before_anything_is_evaluated(
    text: str, reads: set[tuple[str, ...]], optional: set[tuple[str, ...]]
) -> None:
    expression = compile_expression(text, roots=ALL_ROOTS)
    assert expression.reads == reads
    assert expression.optional_reads == optional


def test_evaluation_touches_only_what_is_read() -> None:
    class Watched(dict[str, Any]):
        touched: set[str] = set()

        def __getitem__(self, key: str) -> Any:
            self.touched.add(key)
            return super().__getitem__(key)

    context = {"input": Watched(a=1, b=object()), "vars": {}}
    assert compile_expression("input.a + 1").evaluate(context) == 2
    assert Watched.touched == {"a"}


def test_condition_must_be_true_or_false() -> None:
    assert truthy(True) is True
    for value in (1, "true", None, []):
        with pytest.raises(EvaluationError, match="must be true or false"):
            truthy(value)


def test_template_keeps_types_and_fills_in_texts() -> None:
    template = compile_template(
        {
            "id": "${input.one}",
            "text": "Order ${input.one}: ${input.name}, ${input.half}, ${input.yes}, [${input.none}], ${input.empty}",
            "list": ["${input.lines[0].sku}", 3, None],
            "brace": "${'}' + '{' + {'a': '}'}.a}",
            "literal": "$ {input.one} $100",
        }
    )
    assert template.evaluate(CONTEXT) == {
        "id": 1,
        "text": "Order 1: Ada, 2.5, true, [], []",
        "list": ["x", 3, None],
        "brace": "}{}",
        "literal": "$ {input.one} $100",
    }
    assert ("input", "lines") in template.reads
    assert [pointer for pointer, _ in template.expressions][:2] == ["/id", "/text"]


def test_template_error_names_the_place() -> None:
    with pytest.raises(EvaluationError, match=r"^/a/0: `input\.nothing` is missing"):
        compile_template({"a": ["x ${input.nothing}"]}).evaluate(CONTEXT)


def test_an_optional_value_inside_a_filtered_list_is_explained_in_words() -> None:
    with pytest.raises(EvaluationError, match=r"holds an optional value; add \.orValue"):
        compile_expression("[input.?one].filter(each, each.hasValue())").evaluate(CONTEXT)
