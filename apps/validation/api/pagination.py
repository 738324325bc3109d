"""Lists in pages by keyset: each page starts where the last one ended, however many rows come or go meanwhile.

A view declares `ordering` (the default order; else the queryset's, else the model's) and `ordering_fields` (what
`?ordering=` may name, in snake case); the primary key is added as the tie-breaker. Answers are `{items, next, previous}` with links. Null values come last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import F, Field, Model, Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.validation.problems import BadInput

_SALT = "validation.pagination"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the order. `field` converts what the cursor holds; None for an annotation."""

    name: str
    descending: bool
    nullable: bool
    field: Field[Any, Any] | None

    def order(self, backwards: bool) -> Any:
        expression = F(self.name)
        descending = self.descending != backwards
        if not self.nullable:
            return expression.desc() if descending else expression.asc()
        last = not backwards
        if descending:
            return expression.desc(nulls_last=last or None, nulls_first=not last or None)
        return expression.asc(nulls_last=last or None, nulls_first=not last or None)

    def beyond(self, value: Any, backwards: bool) -> Q | None:
        """Rows that come after (or, backwards, before) one with this value; None if there can be none."""
        if value is None:
            return Q(**{f"{self.name}__isnull": False}) if backwards else None
        comparison = "lt" if self.descending != backwards else "gt"
        condition = Q(**{f"{self.name}__{comparison}": value})
        if self.nullable and not backwards:
            condition |= Q(**{f"{self.name}__isnull": True})
        return condition

    def same(self, value: Any) -> Q:
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})


class KeysetPagination(BasePagination):
    """`?limit=` (1 to 500, 50 if missing), `?cursor=` (from a link), `?ordering=name,-updatedAt`."""

    default_limit = 50
    max_limit = 500

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """One page of a QuerySet. Raises BadInput for a bad limit, ordering or cursor."""
        self.request = request
        limit = self._limit(request)
        self.columns = _columns(queryset.model, self._names(queryset, request, view))
        self.signature = ",".join(("-" if column.descending else "") + column.name for column in self.columns)
        position, backwards = self._position(request)
        rows = queryset.order_by(*(column.order(backwards) for column in self.columns))
        if position is not None:
            rows = rows.filter(_beyond(self.columns, position, backwards))
        page = list(rows[: limit + 1])
        more = len(page) > limit
        page = page[:limit]
        if backwards:
            page.reverse()
        self.next_cursor = self._cursor(page, -1, False) if (more or backwards) and page else None
        self.previous_cursor = (
            self._cursor(page, 0, True) if page and (more if backwards else position is not None) else None
        )
        return page

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {"items": data, "next": self._link(self.next_cursor), "previous": self._link(self.previous_cursor)}
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["items", "next", "previous"],
            "properties": {"items": schema, "next": link, "previous": link},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": self.max_limit, "default": self.default_limit}
        parameters = [
            _parameter("limit", "How many items at most.", limit),
            _parameter("cursor", "Where to go on; taken from a `next` or `previous` link.", {"type": "string"}),
        ]
        if names := [_camel(name) for name in getattr(view, "ordering_fields", ())]:
            text = f"Order, for example `-{names[0]}`. Possible: {', '.join(names)}."
            parameters.append(_parameter("ordering", text, {"type": "string"}))
        return parameters

    def _limit(self, request: Request) -> int:
        text = request.query_params.get("limit", str(self.default_limit))
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
            raise BadInput(f"limit is a number from 1 to {self.max_limit}.")
        return min(int(text), self.max_limit)

    def _names(self, queryset: Any, request: Request, view: Any) -> Sequence[str]:
        default = getattr(view, "ordering", None) or queryset.query.order_by or queryset.model._meta.ordering or ("pk",)
        asked = request.query_params.get("ordering", "")
        if not asked:
            return (default,) if isinstance(default, str) else tuple(default)
        allowed = {_camel(name): name for name in getattr(view, "ordering_fields", ())}
        allowed |= {name: name for name in getattr(view, "ordering_fields", ())}
        names = []
        for text in asked.split(","):
            sign, name = ("-", text[1:]) if text.startswith("-") else ("", text)
            if name not in allowed:
                raise BadInput(
                    f"Ordering by {name!r:.60} is not possible; by {', '.join(map(_camel, sorted(set(allowed.values()))))}."
                )
            names.append(sign + allowed[name])
        return names

    def _position(self, request: Request) -> tuple[list[Any] | None, bool]:
        """The values of the row that the page starts after, and whether it goes backwards."""
        text = request.query_params.get("cursor", "")
        if not text:
            return None, False
        try:
            order, backwards, values = signing.loads(text, salt=_SALT)
            if order != self.signature or len(values) != len(self.columns):
                raise BadInput("The cursor belongs to a list in another order.", code="bad-cursor")
            pairs = zip(self.columns, values, strict=True)
            converted = [column.field.to_python(value) if column.field else value for column, value in pairs]
        except (signing.BadSignature, ValidationError, ValueError, TypeError):
            raise BadInput("The cursor is not one of ours.", code="bad-cursor") from None
        return converted, bool(backwards)

    def _cursor(self, page: Sequence[Any], position: int, backwards: bool) -> str:
        values = [_storable(_value(page[position], column.name)) for column in self.columns]
        return signing.dumps([self.signature, backwards, values], salt=_SALT)

    def _link(self, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        pairs = [
            (name, value) for name, values in self.request.query_params.lists() for value in values if name != "cursor"
        ]
        return self.request.build_absolute_uri(f"{self.request.path}?{urlencode([*pairs, ('cursor', cursor)])}")


def _columns(model: type[Model], names: Sequence[str]) -> list[Column]:
    columns: list[Column] = []
    for text in names:
        name = text.lstrip("-")
        name = model._meta.pk.name if name == "pk" else name
        columns.append(_column(model, name, text.startswith("-")))
    for field in model._meta.pk_fields:  # several, where the key is made of several columns
        if field.name not in {column.name for column in columns}:
            columns.append(_column(model, field.name, columns[-1].descending))
    return columns


def _column(model: type[Model], name: str, descending: bool) -> Column:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return Column(name, descending, True, None)
    return Column(name, descending, field.null, field if isinstance(field, Field) else None)


def _beyond(columns: Sequence[Column], values: Sequence[Any], backwards: bool) -> Q:
    """(a, b, c) after (x, y, z), written out because columns may run in different directions."""
    result = Q(**{f"{columns[0].name}__in": []})
    equal = Q()
    for column, value in zip(columns, values, strict=True):
        beyond = column.beyond(value, backwards)
        if beyond is not None:
            result |= equal & beyond
        equal &= column.same(value)
    first, value = columns[0], values[0]
    if not first.nullable:
        # Redundant, but it lets an index on the first column find the place.
        result &= Q(**{f"{first.name}__{'lte' if first.descending != backwards else 'gte'}": value})
    return result


def _value(row: Any, name: str) -> Any:
    if isinstance(row, Mapping):
        return row[name]
    for part in name.split("__"):
        row = getattr(row, part)
    return row


def _storable(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _camel(name: str) -> str:
    return re.sub(r"_+([a-z])", lambda match: match[1].upper(), name)


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
