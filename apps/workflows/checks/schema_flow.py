"""The schema of an expression's value, followed from what it reads through everything it does with it.

:class:`Flow` walks the syntax tree once. On the way it tells a :class:`Reader` about every path that is read, which
decides whether that can be read here; so field, order and type findings come from one walk. What cannot be known is
`{}`, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from apps.validation.expressions.scope import ALL_ROOTS
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

from .functions import ARGUMENT_LIKE, RESULT_OF_CALL, RESULT_OF_METHOD
from .guards import NOTHING, Known, known_after
from .paths import TOLERANT, Path, canonical, key_of
from .shapes import (
    ANYTHING,
    Schema,
    array_schema,
    items_of,
    object_schema,
    schema_of_value,
    types_of,
    union,
    without_null,
)

BOOLEAN: Schema = {"type": "boolean"}
NULL: Schema = {"type": "null"}
NUMBERS = frozenset({"integer", "number"})
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})


@dataclass(frozen=True, slots=True)
class Value:
    """What a part of an expression gives. `path` when it is a path from a root; `optional` behind a question mark."""

    schema: Schema = field(default_factory=dict)
    path: Path | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Use:
    """Something that works on a value and not on null, at `column`: `what`: `[0]`, `.size()`, `size(…)`, `in`."""

    holder: Value
    what: str
    column: int
    known: Known


@dataclass(frozen=True, slots=True)
class Reading:
    """One field being read: `holder`.`key` at `column`. `known`: what the conditions around it have shown.

    `optional`: the field may be missing. `tested`: by has(), which wants its holder to be there all the same.
    """

    holder: Value
    key: str
    column: int
    optional: bool
    known: Known
    tested: bool = False

    @property
    def path(self) -> Path | None:
        return None if self.holder.path is None else canonical((*self.holder.path, self.key))


class Reader(Protocol):
    """Knows the roots and says what a field is; reports what is wrong with reading it."""

    def root(self, name: str) -> Schema: ...

    def read(self, reading: Reading) -> Schema: ...

    def used(self, use: Use) -> None: ...

    def compared(self, left: Value, right: Value, operator: str, column: int) -> None: ...

    def combined(self, left: Value, right: Value, operator: str, column: int) -> None: ...

    def decided(self, condition: Value, column: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Flow:
    """One walk through one expression."""

    reader: Reader

    def schema(self, node: Node, known: Known = NOTHING) -> Schema:
        """The schema of the whole expression. `known`: paths that were tested before it is evaluated."""
        value = self.value(node, known, {})
        return union([value.schema, NULL]) if value.optional else value.schema

    def value(self, node: Node, known: Known, bound: Mapping[str, Value]) -> Value:
        match node:
            case Literal(value=bytes()):
                return Value({"type": "string"})
            case Literal(value=value):
                return Value(schema_of_value(value))
            case Ident(name=name):
                return bound[name] if name in bound else Value(self.reader.root(name), (name,))
            case Select() | Index():
                return self._read(node, known, bound)
            case Unary(operator="!"):
                self.reader.decided(self.value(node.operand, known, bound), node.column)
                return Value(BOOLEAN)
            case Unary():
                return Value(_numeric(self.value(node.operand, known, bound).schema))
            case Binary():
                return self._binary(node, known, bound)
            case Ternary():
                return self._ternary(node, known, bound)
            case ListExpr(items=items, optional=optional):
                schemas = [self.value(item, known, bound).schema for item in items]
                return Value(ANYTHING if optional else array_schema(union(schemas) if schemas else ANYTHING))
            case MapExpr():
                return self._map(node, known, bound)
            case Comprehension():
                return self._comprehension(node, known, bound)
            case Call():
                return self._call(node, known, bound)

    def _read(self, node: Select | Index, known: Known, bound: Mapping[str, Value]) -> Value:
        holder = self.value(node.operand, known, bound)
        key = key_of(node)
        optional = holder.optional or node.optional
        if key is None:
            assert isinstance(node, Index)
            index = self.value(node.index, known, bound)
            if not node.optional:
                given = node.index.value if isinstance(node.index, Literal) else None
                shown = str(given) if isinstance(given, int) else "…"
                self.reader.used(Use(holder, f"[{shown}]", node.column, known))
            return Value(_indexed(holder.schema, index.schema), None, optional)
        column = node.column if isinstance(node, Select) else node.index.column
        reading = Reading(holder, key, column, optional, known)
        return Value(self.reader.read(reading), reading.path, optional)

    def _binary(self, node: Binary, known: Known, bound: Mapping[str, Value]) -> Value:
        left = self.value(node.left, known, bound)
        if node.operator in ("&&", "||"):
            self.reader.decided(left, node.left.column)
            known |= known_after(node.left, node.operator == "&&")
            self.reader.decided(self.value(node.right, known, bound), node.right.column)
            return Value(BOOLEAN)
        right = self.value(node.right, known, bound)
        if node.operator == "in":
            self.reader.used(Use(right, "in", node.column, known))
        if node.operator in COMPARISONS:
            self.reader.compared(left, right, node.operator, node.column)
            return Value(BOOLEAN)
        self.reader.combined(left, right, node.operator, node.column)
        return Value(_combined(left.schema, right.schema, node.operator))

    def _ternary(self, node: Ternary, known: Known, bound: Mapping[str, Value]) -> Value:
        self.reader.decided(self.value(node.condition, known, bound), node.condition.column)
        yes = self.value(node.yes, known | known_after(node.condition, True), bound)
        no = self.value(node.no, known | known_after(node.condition, False), bound)
        return Value(union([yes.schema, no.schema]), None, yes.optional or no.optional)

    def _map(self, node: MapExpr, known: Known, bound: Mapping[str, Value]) -> Value:
        properties: dict[str, Schema] = {}
        constant = not node.optional
        for key, entry in node.entries:
            schema = self.value(entry, known, bound).schema
            if isinstance(key, Literal) and isinstance(key.value, str):
                properties[key.value] = schema
            else:
                self.value(key, known, bound)
                constant = False
        return Value(object_schema(properties) if constant else {"type": "object"})

    def _comprehension(self, node: Comprehension, known: Known, bound: Mapping[str, Value]) -> Value:
        source = self.value(node.range, known, bound)
        if node.kind in ("optMap", "optFlatMap"):
            item, known = Value(source.schema, source.path), known | _present(source)
        else:
            self.reader.used(Use(source, f".{node.kind}(…)", node.column, known))
            item = Value(_element(source.schema), (node.variable,) if node.variable not in ALL_ROOTS else None)
        inner = {**bound, node.variable: item}
        if node.condition is not None:
            self.reader.decided(self.value(node.condition, known, inner), node.condition.column)
        result = ANYTHING if node.body is None else self.value(node.body, known, inner).schema
        if node.kind == "map":
            return Value(array_schema(result))
        if node.kind == "filter":
            kept = item.schema
            if node.condition is not None and (node.variable,) in known_after(node.condition, True):
                kept = without_null(kept)  # filter(x, x != null)
            return Value(array_schema(kept) if "array" in types_of(source.schema) else ANYTHING)
        if node.kind in ("optMap", "optFlatMap"):
            return Value(result, None, True)
        return Value(BOOLEAN)

    def _call(self, node: Call, known: Known, bound: Mapping[str, Value]) -> Value:
        if node.target is not None:
            target = self.value(node.target, known, bound)
            arguments = [self.value(argument, known, bound).schema for argument in node.args]
            if node.function in ("orValue", "or"):
                return Value(union([target.schema, *arguments]), None, node.function == "or")
            if node.function == "value":
                return Value(target.schema)
            if node.function in RESULT_OF_METHOD and node.function != "hasValue":
                self.reader.used(Use(target, f".{node.function}({'…' if node.args else ''})", node.column, known))
            return Value(RESULT_OF_METHOD.get(node.function, ANYTHING))
        if node.function == "coalesce":
            return self._coalesce(node, known, bound)
        if node.function == "has" and isinstance(node.args[0], Select):
            self._has(node.args[0], known, bound)
            return Value(BOOLEAN)
        arguments = []
        for argument in node.args:
            tested = known | _tested(argument) if node.function in TOLERANT else known
            value = self.value(argument, tested, bound)
            if node.function == "size":
                self.reader.used(Use(value, "size(…)", node.column, known))
            arguments.append(value.schema)
        if node.function in ARGUMENT_LIKE and arguments:
            return Value(ARGUMENT_LIKE[node.function](arguments))
        return Value(RESULT_OF_CALL.get(node.function, ANYTHING))

    def _has(self, node: Select, known: Known, bound: Mapping[str, Value]) -> None:
        """`has(a.b)` needs `a`, and asks for `b`."""
        holder = self.value(node.operand, known, bound)
        self.reader.read(Reading(holder, node.field, node.column, True, known, tested=True))

    def _coalesce(self, node: Call, known: Known, bound: Mapping[str, Value]) -> Value:
        schemas = []
        for position, argument in enumerate(node.args):
            last = position == len(node.args) - 1
            value = self.value(argument, known | _tested(argument), bound)
            schemas.append(value.schema if last else without_null(value.schema))
        return Value(union(schemas))


def _tested(node: Node) -> Known:
    """Inside exists(x), isEmpty(x) and coalesce(x, …) the path may lead nowhere: read it as if it was there."""
    return known_after(Call("exists", None, (node,), 1), True)


def _present(value: Value) -> Known:
    if value.path is None:
        return NOTHING
    return frozenset(value.path[:length] for length in range(2, len(value.path) + 1))


def _element(schema: Schema) -> Schema:
    """What a macro's variable holds: an item of a list, a key of an object."""
    types = types_of(schema)
    if types == {"object"}:
        return {"type": "string"}
    return items_of(schema) if "object" not in types else ANYTHING


def _indexed(holder: Schema, index: Schema) -> Schema:
    if "object" not in types_of(holder) or types_of(index) <= NUMBERS:
        return items_of(holder)
    additional = holder.get("additionalProperties")
    if isinstance(additional, Mapping) and not holder.get("properties"):
        return additional
    return ANYTHING


def _numeric(schema: Schema) -> Schema:
    return {"type": "integer"} if types_of(schema) == {"integer"} else {"type": "number"}


def _combined(left: Schema, right: Schema, operator: str) -> Schema:
    first, second = types_of(left), types_of(right)
    if first <= NUMBERS and second <= NUMBERS:
        whole = first == second == {"integer"}
        return {"type": "integer"} if whole else {"type": "number"}
    if operator != "+":
        return ANYTHING
    if first == second == {"string"}:
        return {"type": "string"}
    if first == second == {"array"}:
        return array_schema(union([items_of(left), items_of(right)]))
    return ANYTHING
