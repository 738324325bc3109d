"""The runtime's messages in words an author understands."""

from __future__ import annotations

import re

_CODES = {
    "NOT_FOUND": "missing",
    "OUT_OF_RANGE": "out-of-range",
    "INTERNAL": "too-much-work",
    "CANCELLED": "too-much-work",
}
_STATUS = re.compile(r"^(?P<status>[A-Z_]+): ")
_TRAILER = re.compile(r" \[[A-Z_]+\]$")
_CARRIED = re.compile(r"\[\[(?P<code>[a-z-]+)\]\] ")
_OVERLOAD = re.compile(r"(?:found no matching overload for|No matching overloads found :) '?(?P<what>.*)$", re.DOTALL)
_APPLIED = re.compile(r"^(?P<name>[^'( ]+)'? ?(?:applied to )?'?\(?(?P<types>.*)$", re.DOTALL)
_MEMBER = re.compile(r"^\((?P<holder>[^)]*)\)\.(?P<name>\w+)\((?P<types>.*)\)$")
_CALL = re.compile(r"\w+\(")
_TYPES = {
    "int": "a whole number",
    "int64": "a whole number",
    "uint": "an unsigned number",
    "uint64": "an unsigned number",
    "double": "a decimal",
    "string": "a text",
    "bool": "a boolean",
    "bytes": "bytes",
    "null": "null",
    "null_type": "null",
    "list": "a list",
    "map": "an object",
    "timestamp": "a point in time",
    "duration": "a duration",
    "google.protobuf.Timestamp": "a point in time",
    "google.protobuf.Duration": "a duration",
    "dyn": "any value",
    "type": "a type",
}
_OPERATORS = {
    "_+_": "+",
    "_-_": "-",
    "_*_": "*",
    "_/_": "/",
    "_%_": "%",
    "_==_": "==",
    "_!=_": "!=",
    "_<_": "<",
    "_<=_": "<=",
    "_>_": ">",
    "_>=_": ">=",
    "_&&_": "&&",
    "_||_": "||",
    "!_": "!",
    "-_": "-",
    "@in": "in",
    "_[_]": "[ ]",
    "_?._": ".?",
    "_[?_]": "[?]",
    "__replace": "replace",
    "__join": "join",
    "__empty": "isEmpty",
    "__contains": "contains",
}


def carry(code: str, message: str) -> str:
    """A message that keeps its code on its way through the runtime."""
    return f"[[{code}]] {message}"


def evaluation(text: str) -> tuple[str, str]:
    """Code and sentence for an error value or exception of the runtime."""
    text = _TRAILER.sub("", text)
    status = _STATUS.match(text)
    code = _CODES.get(status["status"], "evaluation-failed") if status else "evaluation-failed"
    plain = text[status.end() :] if status else text
    if carried := _CARRIED.search(plain):
        return carried["code"], plain[carried.end() :]
    if "divide by zero" in plain or "modulus by zero" in plain:
        return "division-by-zero", "Division by zero."
    if "jump_condition" in plain:
        return "type-mismatch", "What stands before `?` must be true or false."
    if "No matching overloads" in plain:
        return "type-mismatch", overload(plain)
    if "Key not found" in plain:
        field = plain.rpartition(":")[2].strip(' "')
        return "missing", f"There is no field `{field}`."
    if "SELECT" in plain:
        return "missing", "A field is read from a value that is not an object."
    if "Iteration budget" in plain or "recursion" in plain:
        return "too-much-work", "The expression takes too many steps; use FOR_EACH for long lists."
    if code == "too-much-work" or not status:
        code = "evaluation-failed"
    sentence = plain if _CALL.match(plain) else plain[:1].upper() + plain[1:]
    return code, sentence + ("" if sentence.endswith(".") else ".")


def overload(text: str) -> str:
    """`_+_(string, int64)` as "`+` does not work on a text and a whole number."."""
    found = _OVERLOAD.search(text)
    if found is None:
        return text
    what = found["what"].strip().rstrip("'")
    if member := _MEMBER.match(what):
        name, types = member["name"], ", ".join(part for part in (member["holder"], member["types"]) if part)
    else:
        applied = _APPLIED.match(what)
        assert applied is not None
        name, types = applied["name"], applied["types"].rstrip(")'")
    shown = _OPERATORS.get(name, name)
    kinds = [_kind(part) for part in _split(types)]
    message = f"`{shown}` does not work on {' and '.join(kinds) or 'a value of this type'}."
    if shown == "+" and "a text" in kinds:
        message += " Use string(…) to make a text of the other value."
    return message


def _kind(name: str) -> str:
    name = name.strip()
    base = name.split("(")[0].split("<")[0]
    return _TYPES.get(base, name)


def _split(types: str) -> list[str]:
    """The parts of `int, list(double)` at its outermost commas."""
    parts, depth, current = [], 0, ""
    for character in types:
        depth += (character in "(<") - (character in ")>")
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [part for part in (*parts, current) if part.strip()]
