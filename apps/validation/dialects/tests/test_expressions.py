"""Expressions of other languages: the same meaning in CEL, or a question."""

from __future__ import annotations

import pytest

from apps.validation.dialects.expressions import convert_expression, convert_template
from apps.validation.dialects.names import Names, names_of
from apps.validation.expressions import compile_expression

NAMES = names_of(
    "workflow",
    {
        "inputSchema": {
            "properties": {
                "nick": {"type": "string"},
                "vip": {"type": "boolean"},
                "items": {"type": "array"},
                "box": {"type": "object", "properties": {"length": {"type": "number"}}},
            }
        },
        "variables": {"count": {}},
        "steps": [{"id": "check-stock"}, {"id": "Pay it"}, {"id": "nick"}],
    },
)
CONTEXT = {
    "input": {"nick": "Jo", "vip": True, "items": [{"price": 5, "ok": True}], "box": {"length": 3}, "a": None, "n": 4},
    "vars": {"count": 2},
    "steps": {"check-stock": {"status": "COMPLETED", "output": {"left": 7}}, "Pay_it": {"output": {"id": "P"}}},
}


@pytest.mark.parametrize(
    ("given", "written", "value"),
    [
        ("input.nick === 'a === b'", "input.nick == 'a === b'", False),
        ('input.nick !== "x || y"', 'input.nick != "x || y"', True),
        ("input.vip and not input.vip", "input.vip && !input.vip", False),
        ("input.a == None", "input.a == null", True),
        ("input.a === undefined", "input.a == null", True),
        ("input.nick || 'nobody'", "coalesce(input.nick, 'nobody')", "Jo"),
        ("input.name || input.a || 'nobody'", "coalesce(input.name, input.a, 'nobody')", "nobody"),
        ("input.a ?? 1", "coalesce(input.a, 1)", 1),
        ("(input.missing || 0) > 3", "coalesce(input.missing, 0) > 3", False),
        ("input.vip || input.n > 9", "input.vip || input.n > 9", True),
        ("input.n > 9 || input.n < 5", "input.n > 9 || input.n < 5", True),
        ("input.missing || false", "coalesce(input.missing, false)", False),
        ("input.deep?.er === 'x'", "input.deep.?er.orValue(null) == 'x'", False),
        ("input.deep?.er ?? 'x'", "coalesce(input.deep.er, 'x')", "x"),
        ("input.items.length", "size(input.items)", 1),
        ("input.items.filter(i => i.ok).length", "size(input.items.filter(i, i.ok))", 1),
        ("input.items.some((i) => i.price > 3 || i.ok)", "input.items.exists(i, i.price > 3 || i.ok)", True),
        ("input.items.every(i => i.price > 9)", "input.items.all(i, i.price > 9)", False),
        ("input.nick.toUpperCase()", "input.nick.upperAscii()", "JO"),
        ("input.nick.includes('J')", "input.nick.contains('J')", True),
        ("Math.max(input.n, 9)", "math.greatest(input.n, 9)", 9),
        ("count + 1", "vars.count + 1", 3),
        ("vip ? 'a' : 'b'", "input.vip ? 'a' : 'b'", "a"),
        ("$.input.nick", "input.nick", "Jo"),
        ("context.count", "vars.count", 2),
        ("steps.check-stock.output.left", "steps['check-stock'].output.left", 7),
        ("workflow.state.steps.check-stock.result.left - 1", "workflow.state.steps['check-stock'].output.left - 1", 6),
        ("steps['Pay it'].output.id", "steps['Pay_it'].output.id", "P"),
        ("-(count - 1) * 2", "-(vars.count - 1) * 2", -2),
        ("count - (1 - count)", "vars.count - (1 - vars.count)", 3),
    ],
)  # fmt: skip
def test_is_written_and_means(given: str, written: str, value: object) -> None:
    done = convert_expression(given, NAMES, condition=False)
    assert done.text == written
    assert [each for each in done.questions if each.severity == "error"] == []
    if "deep" not in given or "coalesce" in written:
        assert compile_expression(done.text).evaluate(CONTEXT) == value
    assert convert_expression(done.text, NAMES, condition=False).text == written


@pytest.mark.parametrize(
    "text",
    [
        "input.a == 'x' && (input.b || input.c)",
        "input.box.length > 3",
        "has(input.a) ? input.a : 'none'",
        "input.items.map(i, i.price)",
        "input.items.exists(i, i.ok || i.price > 3)",
        "steps.nick.output.?a.orValue(0)",
        "workflow.instance.id",
        "b'\\x00' == b'x'",
        "'it\\'s' + \"a\"",
        "{'and': 1, 'or': [1, 2u, -1.5]}",
        "!(input.a in [1, 2])",
    ],
)
def test_cel_stays_letter_by_letter(text: str) -> None:
    done = convert_expression(text, NAMES, condition=True)
    assert (done.text, done.questions) == (text, [])


@pytest.mark.parametrize(
    ("text", "condition", "options"),
    [
        ("input.p || input.q", False, ("coalesce(input.p, input.q)",)),
        ("input.p || 'x'", True, ("coalesce(input.p, 'x')",)),
        ("input.p > 1 || 'x'", False, ("coalesce(input.p > 1, 'x')",)),
        ("input.p ?? input.q || input.r", False, ()),
        ("input.o?.n > 3", True, ()),
        ("input.o?.n.toUpperCase()", False, ()),
        ("stranger.x", False, ("input.stranger.x", "vars.stranger.x")),
        ("nick + 'x'", False, ("input.nick + 'x'", "steps.nick + 'x'")),
        ("input.unknown.length", False, ("size(input.unknown)",)),
    ],
)
def test_what_is_not_certain_is_asked_and_the_text_keeps_its_meaning(
    text: str, condition: bool, options: tuple[str, ...]
) -> None:
    done = convert_expression(text, NAMES, condition=condition)
    [asked] = done.questions
    assert asked.texts == options
    assert asked.message and asked.hint
    if "?." not in text:
        assert done.text == text


def test_an_or_of_conditions_stays_where_a_condition_is_wanted() -> None:
    assert convert_expression("input.p || input.q", NAMES, condition=True).questions == []


@pytest.mark.parametrize("text", ["typeof x", "a = 1", "'open", "f(", "x => x", "`a${b}`", "new Date()", "", "  "])
def test_what_is_no_expression_stays_and_says_where(text: str) -> None:
    done = convert_expression(text, NAMES, condition=False)
    assert done.text == text
    assert all(each.code.startswith("expression") for each in done.questions)
    assert bool(done.questions) == bool(text.strip())


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("Hello ${nick === 'x' ? 'you' : nick}!", None),
        ("{{ input.nick }} and ${vip}", "${input.nick} and ${input.vip}"),
        ("{{shop}}/x", "{{shop}}/x"),
        ("input.nick", "${input.nick}"),
        ("input.other", "input.other"),
        ("steps.Pay it.output.id", "steps.Pay it.output.id"),
        ("workflow.variables.count", "${workflow.variables.count}"),
        ("about event.payload.id", "about event.payload.id"),
        ("${a || 'x'} ${'${'} ${count ?? 1}", None),
        ("${", "${"),
    ],
)
def test_templates(given: str, written: str | None) -> None:
    done = convert_template(given, NAMES, paths=True)
    if written is not None:
        assert done.text == written


def test_a_text_is_never_taken_for_a_path_outside_a_mapping() -> None:
    assert convert_template("workflow.input.nick", NAMES, paths=False).text == "workflow.input.nick"


def test_names_of_a_form_are_its_own() -> None:
    done = convert_expression("decision === 'x' || other", Names(), condition=True)
    assert (done.text, done.questions) == ("decision == 'x' || other", [])
