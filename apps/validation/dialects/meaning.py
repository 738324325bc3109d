"""What `||`, `?.`, `.length` and names without a root mean in an expression; nothing where that is not certain.

JavaScript's `a || b` is either a choice between two conditions, as here, or a default for a missing value, which is
`coalesce(a, b)` here. Which one is decided by what the operands certainly are and by what is wanted at the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from apps.validation.expressions import ALL_ROOTS
from apps.validation.expressions.syntax import (
    Binary,
    Call,
    Comprehension,
    Ident,
    Index,
    ListExpr,
    Literal,
    MapExpr,
    Node,
    Select,
    Ternary,
    Unary,
)
from apps.validation.violations import Severity

from .names import Names
from .printing import text_of

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_BOOLEAN_CALLS = frozenset(
    {"has", "exists", "isEmpty", "contains", "matches", "startsWith", "endsWith", "hasRole", "hasValue", "bool"}
)
_BOOLEAN_LOOPS = frozenset({"all", "exists", "exists_one"})
_OTHER_ROOTS = {"inputs": "input", "variables": "vars", "context": "vars"}
_LENIENT = frozenset({"exists", "isEmpty", "coalesce", "has"})
_OF_OPTIONALS = frozenset({"orValue", "or", "hasValue", "value"})
_OUTPUTS = frozenset({"result", "results", "outputs", "response"})


@dataclass(frozen=True, slots=True)
class Unclear:
    """A part that can mean several things. `choices`: the whole expression, once for each meaning."""

    message: str
    hint: str
    column: int
    options: tuple[Node, ...] = ()
    part: Node | None = None
    severity: Severity = "error"


@dataclass(slots=True)
class Reading:
    """Rewrites one tree. `touched` tells whether anything but its spelling changed."""

    names: Names
    coalescing: set[int]
    optional: set[int]
    touched: bool = False
    unsettled: bool = False
    """A `??` could not be written as anything."""
    notes: list[str] = field(default_factory=list)
    unclear: list[Unclear] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.touched = True
        if text not in self.notes:
            self.notes.append(text)

    def root(self, node: Node, *, condition: bool) -> Node:
        return self.read(node, frozenset(), truth=condition)

    def read(self, node: Node, bound: frozenset[str], *, truth: bool = False) -> Node:
        """The node rewritten. `truth`: true or false is wanted here."""
        found = self._read(node, bound, truth)
        if truth and self._from_question(found):
            self.note("A condition that may be missing counts as false.")
            return Call("orValue", found, (Literal(False, node.column),), node.column)
        return found

    def _read(self, node: Node, bound: frozenset[str], truth: bool) -> Node:
        match node:
            case Binary(operator="||"):
                return self._or(node, bound, truth=truth)
            case Binary(operator="&&"):
                return replace(
                    node, left=self.read(node.left, bound, truth=True), right=self.read(node.right, bound, truth=True)
                )
            case Binary(operator="==" | "!="):
                left, right = (self._settled(self.read(each, bound)) for each in (node.left, node.right))
                return replace(node, left=left, right=right)
            case Binary():
                left, right = (self._firm(self.read(each, bound), node.operator) for each in (node.left, node.right))
                return replace(node, left=left, right=right)
            case Unary():
                return replace(node, operand=self.read(node.operand, bound, truth=node.operator == "!"))
            case Ternary():
                return replace(
                    node,
                    condition=self.read(node.condition, bound, truth=True),
                    yes=self._settled(self.read(node.yes, bound, truth=truth)),
                    no=self._settled(self.read(node.no, bound, truth=truth)),
                )
            case Comprehension():
                inner = bound | {node.variable}
                loops = node.kind != "map"
                return replace(
                    node,
                    range=self.read(node.range, bound),
                    condition=None if node.condition is None else self.read(node.condition, inner, truth=loops),
                    body=None if node.body is None else self.read(node.body, inner),
                )
            case Call():
                target = None if node.target is None else self.read(node.target, bound)
                arguments = tuple(self.read(each, bound) for each in node.args)
                return self._call(node, target, arguments)
            case ListExpr():
                return replace(node, items=tuple(self._settled(self.read(each, bound)) for each in node.items))
            case MapExpr():
                entries = tuple(
                    (self.read(key, bound), self._settled(self.read(each, bound))) for key, each in node.entries
                )
                return replace(node, entries=entries)
            case Select() | Index() | Ident():
                return self._path(node, bound)
        return node

    # Paths

    def _path(self, node: Node, bound: frozenset[str]) -> Node:
        match node:
            case Ident():
                return self._name(node, bound, "")
            case Select(operand=Ident(name="workflow"), field="steps"):
                self.note("`workflow.steps` is written `steps`.")
                return Ident("steps", node.column)
            case Select(operand=Ident(name="state"), field="steps" | "variables" as part) if self.names.steps:
                self.note(f"`state.{part}` is written `{'steps' if part == 'steps' else 'vars'}`.")
                return Ident("steps" if part == "steps" else "vars", node.column)
            case Select(operand=Ident() as operand):
                holder = self._name(operand, bound, node.field)
            case Select(operand=operand):
                holder = (
                    self._path(operand, bound) if isinstance(operand, Select | Index) else self.read(operand, bound)
                )
            case Index():
                holder = self.read(node.operand, bound)
                return replace(node, operand=holder, index=self.read(node.index, bound))
            case _:
                return node
        if node.field == "length" and not node.optional and (counted := self._length(node, holder)) is not None:
            return counted
        if node.field in _OUTPUTS and self._is_step(holder):
            self.note(f"What a step gives is its `output`, not its `{node.field}`.")
            return replace(node, operand=holder, field="output")
        return replace(node, operand=holder)

    def _is_step(self, node: Node) -> bool:
        match node:
            case Select(operand=Ident(name="steps")) | Index(operand=Ident(name="steps")):
                return bool(self.names.steps)
            case Select(operand=holder) | Index(operand=holder):
                match holder:
                    case Select(operand=Select(operand=Ident(name="workflow"), field="state"), field="steps"):
                        return bool(self.names.steps)
        return False

    def _length(self, node: Select, holder: Node) -> Node | None:
        """`size(x)` for the length of what certainly is a list or a text; a question where that is not known."""
        counted = Call("size", None, (holder,), node.column)
        if isinstance(holder, Ident) or self._is_step(holder):
            return None
        schema = self._schema(holder)
        if "length" in _properties(schema):
            return None
        if types_of(schema) and types_of(schema) <= {"array", "string"}:
            self.note("`x.length` is written `size(x)`.")
            return counted
        written = replace(node, operand=holder)
        self.unclear.append(
            Unclear(
                f"`{text_of(written)}` is read as a field that is called `length`.",
                f"For the number of entries or characters write {text_of(counted)}.",
                node.column,
                (counted,),
                written,
                "warning",
            )
        )
        return written

    def _schema(self, node: Node) -> Any:
        """What the input's schema says about a path below `input`; None where nothing is known."""
        match node:
            case Ident(name="input") | Select(operand=Ident(name="workflow"), field="input"):
                return self.names.input_schema
            case Select():
                return _properties(self._schema(node.operand)).get(node.field)
            case Comprehension(kind="map" | "filter"):
                return {"type": "array"}
        return None

    def _name(self, node: Ident, bound: frozenset[str], following: str) -> Node:
        """A name at the front of a path: a root, or what was written without one."""
        name = node.name
        if name in bound or self.names.roots is None or name in self.names.roots:
            return node
        column = node.column
        candidates: list[Node] = []
        if name in _properties(self.names.input_schema):
            candidates.append(Select(Ident("input", column), name, column))
        if name in self.names.variables:
            candidates.append(Select(Ident("vars", column), name, column))
        if name in self.names.steps:
            step = self.names.steps[name]
            candidates.append(Select(Ident("steps", column), step, column))
        if not candidates and name in _OTHER_ROOTS and _OTHER_ROOTS[name] in self.names.roots:
            candidates.append(Ident(_OTHER_ROOTS[name], column))
        if not candidates and name == "payload" and "event" in self.names.roots and not self.names.takes_input:
            candidates.append(Select(Ident("event", column), "payload", column))
        if len(candidates) == 1:
            self.note(f"`{name}` is written `{text_of(candidates[0])}`.")
            return candidates[0]
        if len(candidates) > 1:
            listed = " and ".join(f"`{text_of(each)}`" for each in candidates)
            self.unclear.append(
                Unclear(f"`{name}` can be {listed}.", "Write the one that is meant.", column, tuple(candidates), node)
            )
        elif self.names.takes_input and name not in ALL_ROOTS:
            options = (Select(Ident("input", column), name, column), Select(Ident("vars", column), name, column))
            hint = f"Write input.{name} for a field of the input, vars.{name} for a variable, steps.<id>.output.{name} for what a step gave."
            self.unclear.append(Unclear(f"`{name}` does not say whose it is.", hint, column, options, node))
        return node

    # Optional values

    def _call(self, node: Call, target: Node | None, arguments: tuple[Node, ...]) -> Node:
        if node.function in _LENIENT:
            return replace(node, args=tuple(self._lenient(each) for each in arguments))
        if target is not None and node.function not in _OF_OPTIONALS:
            self._firm(target, f"{node.function}()")
        for each in arguments:
            self._firm(each, f"{node.function}()")
        return replace(node, target=target, args=arguments)

    def _from_question(self, node: Node) -> bool:
        """Whether the path has a `?.` that we wrote as `.?`."""
        while isinstance(node, Select | Index):
            if isinstance(node, Select) and node.optional and node.column in self.optional:
                return True
            node = node.operand
        return False

    def _settled(self, node: Node) -> Node:
        """For == and !=: an optional value as the value or null."""
        if not self._from_question(node):
            return node
        self.note("Compared, a value that may be missing counts as null.")
        return Call("orValue", node, (Literal(None, node.column),), node.column)

    def _firm(self, node: Node, around: str) -> Node:
        """For other operators and functions: what to do when the value is missing must be said."""
        if self._from_question(node):
            present = Call("exists", None, (_plain(node),), node.column)
            self.unclear.append(
                Unclear(
                    f"`{text_of(node)}` may be missing, and `{around}` needs a value.",
                    f"Write {text_of(node)}.orValue(…) with the value that counts then, or test {text_of(present)} first.",
                    node.column,
                )
            )
        return node

    # Or, and what is meant by it

    def _or(self, node: Binary, bound: frozenset[str], *, truth: bool) -> Node:
        operands: list[Node] = []
        columns: list[int] = []
        _flatten(node, operands, columns)
        marked = [column in self.coalescing for column in columns]
        as_condition = not any(marked)
        parts = [self.read(each, bound, truth=truth and as_condition) for each in operands]
        if all(marked):
            self.note("`a ?? b` is written `coalesce(a, b)`.")
            return self._coalesce(parts, node)
        if any(marked):
            self.unsettled = True
            self.unclear.append(
                Unclear(
                    "`??` and `||` stand side by side without brackets.",
                    "Write coalesce(a, b) for a default value, and put the conditions in brackets.",
                    columns[marked.index(True)],
                )
            )
            return node
        kinds = [self._truth_of(each) for each in parts]
        together = _joined(parts, columns)
        last = parts[-1]
        if (
            any(kind is False for kind in kinds[:-1])
            and not any(kind is True for kind in kinds[:-1])
            and not any(isinstance(each, Literal | ListExpr | MapExpr) for each in parts[:-1])
        ):
            return self._default(parts, node)
        if all(kind is None for kind in kinds[:-1]):
            falls_back = kinds[-1] is False or (isinstance(last, Literal) and last.value is False)
            if falls_back and not (truth and kinds[-1] is False):
                return self._default(parts, node)
            if falls_back:
                self._unclear_or(node, parts, together)
                return together
        if False in kinds:
            self._unclear_or(node, parts, together)
            return together
        if all(kind is None for kind in kinds) and not truth:
            self._unclear_or(node, parts, together, "warning")
        return together

    def _truth_of(self, node: Node) -> bool | None:
        """True: certainly true or false. False: certainly something else. None: not known."""
        match node:
            case Literal(value=bool()) | Unary(operator="!"):
                return True
            case Literal() | ListExpr() | MapExpr() | Unary():
                return False
            case Binary(operator=operator):
                return operator in _COMPARISONS or operator in ("&&", "||")
            case Call(function=name):
                return True if name in _BOOLEAN_CALLS else False if name in ("size", "string", "sum", "int") else None
            case Comprehension(kind=kind):
                return True if kind in _BOOLEAN_LOOPS else False if kind in ("map", "filter") else None
            case Select():
                types = types_of(self._schema(node)) - {"null"}
                return None if not types or (len(types) > 1 and "boolean" in types) else types == {"boolean"}
        return None

    def _default(self, parts: list[Node], node: Binary) -> Node:
        self.note("`a || b` for a default is written `coalesce(a, b)`; an empty text and 0 count as values.")
        return self._coalesce(parts, node)

    def _coalesce(self, parts: list[Node], node: Binary) -> Node:
        # Inside coalesce a path may be missing anyway.
        return Call("coalesce", None, tuple(self._lenient(each) for each in parts), node.column)

    def _lenient(self, node: Node) -> Node:
        return _plain(node) if self._from_question(node) else node

    def _unclear_or(self, node: Binary, parts: list[Node], together: Node, severity: Severity = "error") -> None:
        default = self._coalesce(parts, node)
        self.unclear.append(
            Unclear(
                f"`{text_of(together)}` can be a default value, or a choice between conditions.",
                f"Write {text_of(default)} for the first value that is there; `||` joins what is true or false.",
                node.column,
                (default,),
                together,
                severity,
            )
        )


def types_of(schema: Any) -> frozenset[str]:
    """The JSON types that a schema names; empty when it names none."""
    types = schema.get("type") if isinstance(schema, Mapping) else None
    listed = [types] if isinstance(types, str) else types if isinstance(types, list) else []
    return frozenset(each for each in listed if isinstance(each, str))


def _properties(schema: Any) -> Mapping[str, Any]:
    found = schema.get("properties") if isinstance(schema, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _plain(node: Node) -> Node:
    """The path without its question marks."""
    if isinstance(node, Select):
        return replace(node, operand=_plain(node.operand), optional=False)
    if isinstance(node, Index):
        return replace(node, operand=_plain(node.operand), optional=False)
    return node


def _flatten(node: Node, operands: list[Node], columns: list[int]) -> None:
    if isinstance(node, Binary) and node.operator == "||":
        _flatten(node.left, operands, columns)
        columns.append(node.column)
        _flatten(node.right, operands, columns)
    else:
        operands.append(node)


def _joined(parts: list[Node], columns: list[int]) -> Node:
    node = parts[0]
    for part, column in zip(parts[1:], columns, strict=True):
        node = Binary("||", node, part, column)
    return node


def swapped(node: Node, part: Node, new: Node) -> Node:
    """The tree with one part, found by identity, in another form."""
    if node is part:
        return new
    match node:
        case Select() | Unary():
            return replace(node, operand=swapped(node.operand, part, new))
        case Index():
            return replace(node, operand=swapped(node.operand, part, new), index=swapped(node.index, part, new))
        case Binary():
            return replace(node, left=swapped(node.left, part, new), right=swapped(node.right, part, new))
        case Ternary():
            return replace(
                node,
                condition=swapped(node.condition, part, new),
                yes=swapped(node.yes, part, new),
                no=swapped(node.no, part, new),
            )
        case Call():
            target = None if node.target is None else swapped(node.target, part, new)
            return replace(node, target=target, args=tuple(swapped(each, part, new) for each in node.args))
        case ListExpr():
            return replace(node, items=tuple(swapped(each, part, new) for each in node.items))
        case MapExpr():
            entries = tuple((swapped(key, part, new), swapped(each, part, new)) for key, each in node.entries)
            return replace(node, entries=entries)
        case Comprehension():
            return replace(
                node,
                range=swapped(node.range, part, new),
                condition=None if node.condition is None else swapped(node.condition, part, new),
                body=None if node.body is None else swapped(node.body, part, new),
            )
    return node
