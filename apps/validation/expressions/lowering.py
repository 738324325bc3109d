"""From our syntax tree to the CEL text that Google's runtime runs.

1. Every fixed path becomes one variable (`steps.pay.output.total` → `__p0`), fetched in Python. CEL is handed just these
   values, never the context; a path that is missing leaves its variable unbound, which CEL treats as a lazy error.
2. What CEL lacks is rewritten: now(), exists, isEmpty, coalesce, hasRole; replace and join are bounded.
3. `map` and `filter` become a call back into Python (`__loop`), as the runtime's own take time quadratic in the list's length.
"""

from __future__ import annotations

from apps.validation.expressions.errors import ExpressionError
from apps.validation.expressions.functions import check_call
from apps.validation.expressions.paths import Path, Walker, boxed, first_of, present_at, static_path, walker
from apps.validation.expressions.program import Fragment, Loop, Lowered, NativeLoop, Reference
from apps.validation.expressions.scope import check_root
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
    walk,
)
from apps.validation.expressions.writer import Writer, field_text, literal_text

MAX_VARIABLES = 64
_TERNARY, _UNARY, _POSTFIX = 0, 6, 7
_BINDING = {
    "||": 1,
    "&&": 2,
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in"), 3),
}
TYPE_NAMES = frozenset({"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"})


def lower(root: Node, roots: frozenset[str], *, loose: bool = False) -> tuple[Lowered, list[Reference]]:
    """The CEL program of a tree. `loose` gives operands no static type, so that whole numbers meet decimals.

    Raises ExpressionError for an unknown root, field or function.
    """
    lowering = _Lowering(roots, loose=loose)
    lowered = Lowered(lowering.fragment(root, frozenset()))
    lowered.fetchers, lowered.paths, lowered.loops = lowering.fetchers, lowering.paths, lowering.loops
    return lowered, lowering.references


class _Lowering:
    def __init__(self, roots: frozenset[str], *, loose: bool) -> None:
        self.roots = roots
        self.loose = loose
        self.fetchers: dict[str, Walker] = {}
        self.paths: dict[str, Path] = {}
        self.names: dict[tuple[str, tuple[Path, ...]], str] = {}
        self.loops: list[Loop] = []
        self.references: list[Reference] = []
        self.binds = 0

    def fragment(self, node: Node, bound: frozenset[str]) -> Fragment:
        emitter = _Emitter(self, bound)
        emitter.emit(node)
        return Fragment(emitter.out.text, frozenset(emitter.used), emitter.out.column_of, tuple(emitter.native_loops))

    def variable(self, kind: str, paths: tuple[Path, ...], fetch: Walker, column: int, *, optional: bool) -> str:
        """The name of the variable that holds what `fetch` gives; one for each kind and path."""
        self.references.extend(Reference(path, column, optional) for path in paths)
        key = (kind, paths)
        if key not in self.names:
            name = f"__{kind}{sum(1 for known, _ in self.names if known == kind)}"
            if len(self.names) >= MAX_VARIABLES:
                raise ExpressionError("expression-too-large", f"More than {MAX_VARIABLES} different paths.", column)
            self.names[key] = name
            self.fetchers[name] = fetch
            self.paths[name] = paths[0]
        return self.names[key]


class _Emitter:
    """Writes one fragment. `bound` are the macro variables in scope."""

    def __init__(self, lowering: _Lowering, bound: frozenset[str]) -> None:
        self.lowering = lowering
        self.bound = bound
        self.out = Writer()
        self.used: set[str] = set()
        self.native_loops: list[NativeLoop] = []

    def emit(self, node: Node) -> None:
        path = self.path_of(node)
        if path is not None:
            self.emit_path(path, node.column)
            return
        match node:
            case Literal():
                self.out.put(literal_text(node), node.column)
            case Ident(name=name):
                self.out.put(name, node.column)
            case Select():
                self.emit_tight(node.operand, _POSTFIX)
                self.out.put((".?" if node.optional else ".") + field_text(node.field), node.column)
            case Index():
                self.emit_tight(node.operand, _POSTFIX)
                self.bracket("[?" if node.optional else "[", [node.index], "]", node.column)
            case Call():
                self.call(node)
            case Unary():
                self.out.put(node.operator, node.column)
                self.emit_tight(node.operand, _POSTFIX)
            case Binary():
                self.binary(node)
            case Ternary():
                self.ternary(node)
            case ListExpr():
                self.list_items(node)
            case MapExpr():
                self.map_entries(node)
            case Comprehension():
                self.comprehension(node)

    # Paths

    def path_of(self, node: Node) -> Path | None:
        if isinstance(node, Ident) and node.name in TYPE_NAMES and node.name not in self.lowering.roots:
            return None
        if not isinstance(node, Ident | Select | Index):
            return None
        root = _root_of(node)
        if root is not None and root.name not in self.bound:
            check_root(root.name, self.lowering.roots | TYPE_NAMES, root.column)
        return static_path(node, self.bound)

    def use(self, kind: str, paths: tuple[Path, ...], fetch: Walker, column: int, *, optional: bool) -> str:
        name = self.lowering.variable(kind, paths, fetch, column, optional=optional)
        self.used.add(name)
        return name

    def emit_path(self, path: Path, column: int) -> None:
        if path.optional_from is None:
            name = self.use("p", (path,), walker(path), column, optional=False)
            self.out.put(name, column)
        else:
            # Python has no optional values, so the value travels in a box from which CEL takes it.
            name = self.use("p", (path,), boxed(walker(path)), column, optional=True)
            self.out.put(f"{name}.?v", column)

    # Operators

    def bracket(self, opening: str, nodes: list[Node], closing: str, column: int | None = None) -> None:
        self.out.put(opening, column)
        for position, node in enumerate(nodes):
            if position:
                self.out.put(", ")
            self.emit(node)
        self.out.put(closing)

    def emit_tight(self, node: Node, binding: int) -> None:
        """Emit a node, in brackets only where it binds looser than `binding`: the runtime counts brackets as depth."""
        if self.path_of(node) is None and _binding(node) < binding:
            self.bracket("(", [node], ")")
        else:
            self.emit(node)

    def binary(self, node: Binary) -> None:
        own = _binding(node)
        if self.lowering.loose and node.operator not in ("&&", "||"):
            self.bracket("dyn(", [node.left], ")")
            self.out.put(f" {node.operator} ", node.column)
            self.bracket("dyn(", [node.right], ")", node.column)
            return
        self.emit_tight(node.left, own)
        self.out.put(f" {node.operator} ", node.column)
        self.emit_tight(node.right, own + 1 if own > _BINDING["&&"] else own)

    def ternary(self, node: Ternary) -> None:
        self.emit_tight(node.condition, _BINDING["||"])
        self.out.put(" ? ", node.column)
        self.branch(node.yes, _BINDING["||"])
        self.out.put(" : ")
        self.branch(node.no, _TERNARY)

    def branch(self, node: Node, binding: int) -> None:
        """`x ? 'text' : null` is fine in JSON; dyn() keeps CEL from asking for one type."""
        if isinstance(node, Ternary) or self.path_of(node) is not None:
            self.emit_tight(node, binding)
        else:
            self.bracket("dyn(", [node], ")")

    def list_items(self, node: ListExpr) -> None:
        self.out.put("[", node.column)
        for position, item in enumerate(node.items):
            self.out.put((", " if position else "") + ("?" if position in node.optional else ""))
            self.emit(item)
        self.out.put("]")

    def map_entries(self, node: MapExpr) -> None:
        self.out.put("{", node.column)
        for position, (key, value) in enumerate(node.entries):
            self.out.put((", " if position else "") + ("?" if position in node.optional else ""))
            self.emit(key)
            self.out.put(": ")
            self.emit(value)
        self.out.put("}")

    # Functions

    def call(self, node: Call) -> None:
        check_call(node.function, len(node.args), node.column, is_member=node.target is not None)
        arguments = list(node.args)
        match node.function, node.target:
            case "now", None:
                self.used.add("__now")
                self.lowering.fetchers["__now"] = walker(Path(("now",)))
                self.lowering.paths["__now"] = Path(("now",))
                self.out.put("__now", node.column)
            case "has", None:
                self.has(node)
            case "exists", None:
                self.out.put("dyn(", node.column)
                self.lenient([arguments[0]])
                self.out.put(") != null")
            case "isEmpty", None:
                self.out.put("__empty(", node.column)
                self.lenient([arguments[0]])
                self.out.put(")")
            case "coalesce", None:
                self.lenient(arguments)
            case "hasRole", target if target is not None:
                self.emit_tight(arguments[0], _BINDING["in"] + 1)
                self.out.put(" in ", node.column)
                self.emit(Select(target, "roles", node.column))
            case "contains", None:
                self.bracket("__contains(", arguments, ")", node.column)
            case ("replace" | "join") as name, target if target is not None:
                self.bracket(f"__{name}(", [target, *arguments], ")", node.column)
            case name, None:
                self.bracket(f"{name}(", arguments, ")", node.column)
            case name, target:
                self.emit_tight(target, _POSTFIX)
                self.bracket(f".{name}(", arguments, ")", node.column)

    def has(self, node: Call) -> None:
        select = node.args[0]
        assert isinstance(select, Select)
        path = self.path_of(select)
        if path is None or len(path.keys) == 1:
            self.bracket("has(", [select], ")", node.column)
            return
        name = self.use("h", (path,), present_at(path), select.column, optional=True)
        self.out.put(name, node.column)

    def lenient(self, nodes: list[Node]) -> None:
        """The first of the nodes that is present and not null, else null."""
        paths: list[Path] = []
        for node in nodes:
            path = self.path_of(node)
            if path is None:
                break
            paths.append(path)
        if paths:
            fetch = first_of(tuple(walker(Path(path.keys, 1)) for path in paths))
            name = self.use("c", tuple(Path(path.keys) for path in paths), fetch, nodes[0].column, optional=True)
        rest = nodes[max(1, len(paths)) :]
        local = f"__b{self.lowering.binds}"
        self.lowering.binds += 1
        if rest:
            self.out.put(f"cel.bind({local}, dyn(")
        if paths:
            self.out.put(name, nodes[0].column)
        else:
            self.dig(nodes[0])
        if rest:
            self.out.put(f"), {local} != null ? {local} : dyn(")
            self.lenient(rest)
            self.out.put("))")

    def dig(self, node: Node) -> None:
        """A value that is null where a link of its path is missing."""
        keys: list[Node] = []
        while isinstance(node, Select | Index):
            keys.append(Literal(node.field, node.column) if isinstance(node, Select) else node.index)
            node = node.operand
            if self.path_of(node) is not None:
                break
        if not keys:
            self.emit(node)
            return
        self.out.put("__dig(", node.column)
        self.lenient([node])
        self.bracket(", [", list(reversed(keys)), "])")

    # Loops

    def native(self, node: Comprehension, parts: list[Node], inner: frozenset[str]) -> None:
        """Leave a macro to the runtime, and note what it could cost."""
        outer_used, outer_bound, already = self.used, self.bound, len(self.native_loops)
        self.used = set()
        self.emit_tight(node.range, _POSTFIX)
        ranges, self.used = self.used, set()
        self.out.put(f".{node.kind}({node.variable}", node.column)
        self.bound = inner
        for part in parts:
            self.bracket(", ", [part], "")
        self.out.put(")")
        self.bound = outer_bound
        leaves = {leaf.name for part in parts for leaf in walk(part) if isinstance(leaf, Ident)}
        captured = self.used | (leaves & outer_bound)
        self.used = outer_used | ranges | self.used
        nested = any(isinstance(inside, Comprehension) for part in (node.range, *parts) for inside in walk(part))
        del self.native_loops[already:]
        self.native_loops.append(
            NativeLoop(frozenset(ranges), frozenset(captured | (ranges if nested else set())), nested)
        )

    def comprehension(self, node: Comprehension) -> None:
        inner = self.bound | {node.variable}
        parts = [part for part in (node.condition, node.body) if part is not None]
        if node.kind not in ("map", "filter"):
            self.native(node, parts, inner)
            return
        captured = sorted({leaf.name for part in parts for leaf in walk(part) if isinstance(leaf, Ident)} & self.bound)
        captured = [name for name in captured if name != node.variable]
        condition = self.lowering.fragment(node.condition, inner) if node.condition is not None else None
        body = self.lowering.fragment(node.body, inner) if node.body is not None else None
        self.lowering.loops.append(Loop(node.variable, tuple(captured), condition, body))
        self.out.put(f"__loop({len(self.lowering.loops) - 1}, ", node.column)
        self.emit(node.range)
        self.out.put(", [" + ", ".join(captured) + "])")


def _binding(node: Node) -> int:
    """How tightly a node's text holds together; higher is tighter."""
    match node:
        case Ternary():
            return _TERNARY
        case Binary(operator=operator):
            return _BINDING[operator]
        case Unary():
            return _UNARY
        case Call(function="hasRole"):
            return _BINDING["in"]
        case Call(function="exists", target=None):
            return _BINDING["!="]
    return _POSTFIX


def _root_of(node: Node) -> Ident | None:
    while isinstance(node, Select | Index):
        node = node.operand
    return node if isinstance(node, Ident) else None
