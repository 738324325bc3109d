"""Tokens to syntax tree: the whole grammar of CEL (message construction excepted), by recursive descent."""

from __future__ import annotations

from apps.validation.expressions.errors import ExpressionError
from apps.validation.expressions.lexer import INT64_MAX, Token, tokenize
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

MAX_LENGTH = 8_000
MAX_NESTING = 30
NAMESPACES = frozenset({"math", "optional", "strings", "base64"})
RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("<", "<=", ">=", ">", "==", "!=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)
_PREDICATES = frozenset({"all", "exists", "exists_one", "filter"})
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def parse(text: str) -> Node:
    """The tree of a bare expression. Raises ExpressionError with the column of the first mistake."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            "expression-too-large", f"An expression may have at most {MAX_LENGTH} characters; this has {len(text)}."
        )
    if not text.strip():
        raise ExpressionError("expression-syntax", "The expression is empty.")
    parser = _Parser(tokenize(text))
    node = parser.expression()
    parser.expect_end()
    return node


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def advance(self) -> Token:
        token = self.token
        self.position += 1
        return token

    def accept(self, *texts: str) -> Token | None:
        return self.advance() if self.token.is_op(*texts) else None

    def expect(self, text: str, after: str) -> Token:
        token = self.accept(text)
        if token is None:
            raise self.unexpected(f"{text!r} is missing {after}")
        return token

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise self.unexpected("The expression should end here")

    def unexpected(self, message: str) -> ExpressionError:
        token = self.token
        if token.kind == "end":
            return ExpressionError("expression-syntax", f"{message}; the text ends here.", token.column)
        hint = ""
        if token.kind == "ident" and token.value in ("and", "or", "not"):
            hint = {"and": "Write && for and.", "or": "Write || for or.", "not": "Write ! for not."}[str(token.value)]
        elif token.is_op("?") and self.tokens[self.position - 1].is_op("?"):
            hint = "Write coalesce(a, b) for 'a, or b when a is missing'."
        elif token.is_op(".") and self.tokens[self.position - 1].is_op("?"):
            hint = "Optional access is written a.?b."
        shown = f"`{token.value}`" if isinstance(token.value, str) else repr(token.value)
        return ExpressionError("expression-syntax", f"{message}; found {shown}.", token.column, hint=hint)

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise ExpressionError(
                "expression-too-large",
                f"The expression is nested more than {MAX_NESTING} levels deep.",
                self.token.column,
                hint="Compute a part of it in a TRANSFORM step or in setVariables first.",
            )
        node = self.binary(0)
        if question := self.accept("?"):
            yes = self.binary(0)
            self.expect(":", "between the two answers of `? :`")
            node = Ternary(node, yes, self.expression(), question.column)
        self.depth -= 1
        return node

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        first = self.binary(level + 1)
        rest: list[tuple[Token, Node]] = []
        while self.at_operator(_LEVELS[level]):
            token = self.advance()
            rest.append((token, self.binary(level + 1)))
        if level < 2:
            return _balanced(first, rest)
        if len(rest) > MAX_NESTING:
            raise ExpressionError(
                "expression-too-large",
                f"More than {MAX_NESTING} operators in a row.",
                rest[MAX_NESTING][0].column,
                hint="Put the values in a list and use sum(list) or list.join(''), or group them with brackets.",
            )
        node = first
        for token, operand in rest:
            node = Binary(str(token.value), node, operand, token.column)
        return node

    def at_operator(self, operators: tuple[str, ...]) -> bool:
        token = self.token
        return token.is_op(*operators) or ("in" in operators and token.kind == "ident" and token.value == "in")

    def unary(self) -> Node:
        signs: list[Token] = []
        while token := self.accept("!", "-"):
            if len(signs) >= MAX_NESTING:
                raise ExpressionError("expression-too-large", "Too many signs in a row.", token.column)
            if signs and signs[-1].value == token.value:
                # As CEL has it, two equal signs cancel each other out.
                signs.pop()
            else:
                signs.append(token)
        if signs and signs[-1].value == "-" and self.token.kind in ("int", "double"):
            minus, number = signs.pop(), self.advance()
            assert isinstance(number.value, int | float)
            node: Node = self.postfix(Literal(-number.value, minus.column))
        else:
            node = self.postfix(self.primary())
        for sign in reversed(signs):
            node = Unary("!" if sign.value == "!" else "-", node, sign.column)
        return node

    def postfix(self, node: Node) -> Node:
        for _ in range(MAX_NESTING + 1):
            if dot := self.accept("."):
                node = self.member(node, dot)
            elif bracket := self.accept("["):
                optional = self.accept("?") is not None
                index = self.expression()
                self.expect("]", "after the index")
                node = Index(node, index, bracket.column, optional)
            elif self.token.is_op("{") and isinstance(node, Ident | Select):
                raise self.unexpected("Messages cannot be built here; a map is written {'key': value}")
            else:
                return node
        raise ExpressionError("expression-too-large", f"More than {MAX_NESTING} parts in one path.", self.token.column)

    def member(self, operand: Node, dot: Token) -> Node:
        optional = self.accept("?") is not None
        token = self.token
        if token.kind not in ("ident", "quoted") or (token.kind == "ident" and token.value in ("in", *_CONSTANTS)):
            raise self.unexpected("A field name is missing after the dot")
        self.advance()
        name = str(token.value)
        if optional or token.kind == "quoted" or not self.token.is_op("("):
            return Select(operand, name, token.column, optional)
        arguments = self.arguments()
        if isinstance(operand, Ident) and operand.name in NAMESPACES:
            return Call(f"{operand.name}.{name}", None, arguments, operand.column)
        return _macro(operand, name, arguments, token.column) or Call(name, operand, arguments, token.column)

    def arguments(self) -> tuple[Node, ...]:
        self.expect("(", "before the arguments")
        items: list[Node] = []
        while not self.accept(")"):
            items.append(self.expression())
            if not self.accept(","):
                self.expect(")", "after the arguments")
                break
        return tuple(items)

    def primary(self) -> Node:
        token = self.token
        if token.kind in ("int", "uint", "double", "string", "bytes"):
            self.advance()
            if token.kind == "int" and isinstance(token.value, int) and token.value > INT64_MAX:
                raise ExpressionError(
                    "expression-number", f"{token.value} is too large for a whole number.", token.column
                )
            return Literal(token.value, token.column, unsigned=token.kind == "uint")
        if token.kind == "ident" or token.is_op("."):
            return self.identifier()
        if self.accept("("):
            node = self.expression()
            self.expect(")", "to close the bracket")
            return node
        if self.accept("["):
            return self.list_items(token)
        if self.accept("{"):
            return self.map_entries(token)
        raise self.unexpected("A value is missing")

    def identifier(self) -> Node:
        self.accept(".")
        token = self.advance()
        name = str(token.value)
        if token.kind != "ident" or name in RESERVED or name == "in":
            self.position -= 1
            raise self.unexpected("A name is missing")
        if name in _CONSTANTS:
            return Literal(_CONSTANTS[name], token.column)
        if name.startswith("__"):
            raise ExpressionError("expression-root", "Names may not begin with two underscores.", token.column)
        if not self.token.is_op("("):
            return Ident(name, token.column)
        call = Call(name, None, self.arguments(), token.column)
        if name == "has" and not (len(call.args) == 1 and isinstance(call.args[0], Select)):
            raise ExpressionError("expression-syntax", "has() takes one field, as in has(input.address).", token.column)
        return call

    def list_items(self, opening: Token) -> Node:
        items: list[Node] = []
        optional: set[int] = set()
        while not self.accept("]"):
            if self.accept("?"):
                optional.add(len(items))
            items.append(self.expression())
            if not self.accept(","):
                self.expect("]", "to close the list")
                break
        return ListExpr(tuple(items), opening.column, frozenset(optional))

    def map_entries(self, opening: Token) -> Node:
        entries: list[tuple[Node, Node]] = []
        optional: set[int] = set()
        while not self.accept("}"):
            if self.accept("?"):
                optional.add(len(entries))
            key = self.expression()
            self.expect(":", "after the key")
            entries.append((key, self.expression()))
            if not self.accept(","):
                self.expect("}", "to close the map")
                break
        return MapExpr(tuple(entries), opening.column, frozenset(optional))


def _balanced(first: Node, rest: list[tuple[Token, Node]]) -> Node:
    """A chain of one associative operator as a tree of logarithmic depth: hundreds of conditions stay shallow."""
    if not rest:
        return first
    middle = len(rest) // 2
    operator, operand = rest[middle]
    return Binary(
        str(operator.value),
        _balanced(first, rest[:middle]),
        _balanced(operand, rest[middle + 1 :]),
        operator.column,
    )


def _macro(operand: Node, name: str, arguments: tuple[Node, ...], column: int) -> Node | None:
    """The comprehension that `operand.name(arguments)` stands for, if it is one."""
    if not arguments or not isinstance(arguments[0], Ident):
        return None
    variable = arguments[0].name
    match name, arguments[1:]:
        case ("all" | "exists" | "exists_one" | "filter") as kind, (condition,):
            return Comprehension(kind, operand, variable, condition, None, column)
        case ("map" | "optMap" | "optFlatMap") as kind, (body,):
            return Comprehension(kind, operand, variable, None, body, column)
        case "map", (condition, body):
            return Comprehension("map", operand, variable, condition, body, column)
    return None
