"""JSON that stock parsers take, or choke on, is refused with a pointer."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.validation.problems import BadInput
from apps.validation.strict_json import loads

DEEP = 63
BAD = {
    "nested too deep": (b'{"a":' * 65 + b"1" + b"}" * 65, "too-deep", "/a" * 64),
    "lists nested too deep": (b"[" * 200 + b"]" * 200, "too-deep", "/0" * 64),
    "nested absurdly deep": (b"[" * 200_000 + b"]" * 200_000, "too-deep", ""),
    "NaN": (b'{"a": [1, NaN]}', "not-json", "/a/1"),
    "Infinity": (b'{"a": -Infinity}', "not-json", "/a"),
    "1e999": (b'{"a": {"b/c": 1e999}}', "number-range", "/a/b~1c"),
    "5,000 digits": (b'{"a": ' + b"9" * 5_000 + b"}", "number-range", "/a"),
    "beyond 64 bits": (b'{"a": 18446744073709551616}', "number-range", "/a"),
    "duplicate key": (b'{"a": {"b": 1, "c": 2, "b": 3}}', "duplicate-key", "/a"),
    "NUL": (b'{"a": "x\\u0000y"}', "nul-character", "/a"),
    "NUL in a key": (b'{"a": {"\\u0000": 1}}', "nul-character", "/a"),
    "lone high surrogate": (b'{"a": ["\\ud800"]}', "lone-surrogate", "/a/0"),
    "lone low surrogate": (b'"\\udc00x"', "lone-surrogate", ""),
    "not UTF-8": (b'{"a": "\xff"}', "not-utf-8", ""),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not-utf-8", ""),
    "trailing comma": (b'{"a": 1,}', "not-json", ""),
    "two values": (b"1 2", "not-json", ""),
    "empty": (b"", "not-json", ""),
    "single quotes": (b"{'a': 1}", "not-json", ""),
    "raw control character": (b'"a\x00b"', "not-json", ""),
}


@pytest.mark.parametrize(("raw", "code", "pointer"), BAD.values(), ids=BAD)
def test_bad_json_is_refused_with_a_pointer(raw: bytes, code: str, pointer: str) -> None:
    with pytest.raises(BadInput) as caught:
        loads(raw)
    [violation] = caught.value.violations
    assert (violation.code, violation.pointer) == (code, pointer)


def test_good_json_at_the_limits_is_read() -> None:
    deep: Any = 1
    for _ in range(64):
        deep = [deep]
    assert loads(json.dumps(deep)) == deep
    assert loads(b"[18446744073709551615, -9223372036854775808, 1e308, 1.0, 1]") == [
        18446744073709551615,
        -9223372036854775808,
        1e308,
        1.0,
        1,
    ]
    assert loads('"\\ud83d\\ude00 \\u00e9"') == "😀 é"
    assert isinstance(loads(b"1.0"), float) and isinstance(loads(b"1"), int)


def test_many_brackets_in_texts_do_no_harm() -> None:
    assert loads(json.dumps({"a": "[" * 1_000})) == {"a": "[" * 1_000}


def test_a_megabyte_is_read_quickly() -> None:
    raw = json.dumps([{"name": f"n{n}", "value": n, "list": [1.5, None, True]} for n in range(15_000)]).encode()
    began = time.thread_time()
    loads(raw)
    assert time.thread_time() - began < 0.5


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(values, st.booleans())
def test_whatever_json_can_say_comes_back_the_same(value: Any, escaped: bool) -> None:
    assert loads(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(st.binary(max_size=60) | st.text('[]{}",:\\u0d8e19.-NIt ', max_size=40).map(str.encode))
def test_rubbish_is_refused_and_never_breaks_anything(raw: bytes) -> None:
    with contextlib.suppress(BadInput):
        value = loads(raw)
        assert loads(json.dumps(value)) == value
