"""Compiles every expression, follows the schema of its value, and compares that with what its place needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from apps.validation.expressions import ExpressionError, compile_expression
from apps.validation.expressions.scope import EVENT_ROOTS, HANDLER_ROOTS, LOOP_ROOTS
from apps.validation.expressions.templates import split
from apps.validation.schemas import check_instance
from apps.validation.violations import pointer_to

from .availability import Availability
from .findings import Findings, certainly_meant, did_you_mean, nearest
from .fitting import Misfit, in_short, misfits
from .guards import NOTHING, Known, implied_by
from .needs import Need
from .outline import Step, has_expressions
from .outline import text as text_of
from .producers import Producers
from .reading import SiteReader
from .schema_flow import Flow
from .shapes import ANYTHING, Schema, array_schema, items_of, object_schema, schema_of_value, types_of, union
from .sites import Form, Site, loops_around

TEXT: Schema = {"type": "string"}


@dataclass(slots=True)
class DataFlow:
    """Works on the sites of one document. `found` is None while only schemas are asked for."""

    producers: Producers
    found: Availability | None
    findings: Findings

    def check(self, site: Site, need: Need | None) -> None:
        """Report everything about one site. `need`: the schema its value must fit, and what to call it."""
        if site.form is not Form.TEMPLATE:
            schema = self._expression(site, site.pointer, site.value, 0)
            if site.form is Form.CONDITION:
                self._decide(site, schema)
            elif need is not None and schema is not None:
                self.fit_schema(schema, site.pointer, need)
            return
        if need is None:
            self._template(site, site.pointer, site.value)
        else:
            self._fit(site, site.pointer, site.value, need)

    def infer(self, pointer: str, value: Any, step: Step) -> Schema:
        """The schema of a template (or of a bare expression in `items`), reporting nothing."""
        form = Form.EXPRESSION if pointer.endswith("/items") else Form.TEMPLATE
        loops = loops_around(step)
        if step.type == "FOR_EACH" and form is Form.TEMPLATE:
            loops = (step, *loops)
        event = text_of(step.document, "eventPattern")
        roots = LOOP_ROOTS | EVENT_ROOTS | HANDLER_ROOTS
        site = Site(pointer, value, form, roots, step, lenient=True, loops=loops, event=event)
        silent = DataFlow(self.producers, None, Findings())
        if form is Form.EXPRESSION:
            return silent._expression(site, pointer, value, 0) or ANYTHING
        return silent._template(site, pointer, value)

    # Inference

    def _template(self, site: Site, pointer: str, value: Any) -> Schema:
        if isinstance(value, str):
            return self._text(site, pointer, value) if "${" in value else schema_of_value(value)
        if isinstance(value, Mapping):
            properties = {
                str(key): self._template(site, pointer + pointer_to(str(key)), each) for key, each in value.items()
            }
            return object_schema(properties)
        if isinstance(value, list):
            items = [self._template(site, pointer + pointer_to(index), each) for index, each in enumerate(value)]
            return array_schema(union(items) if items else ANYTHING)
        return schema_of_value(value)

    def _text(self, site: Site, pointer: str, text: str) -> Schema:
        """A string with `${…}` in it."""
        try:
            pieces = split(text)
        except ExpressionError as error:
            self.findings.add(error.as_violation(pointer))
            return ANYTHING
        schema: Schema | None = ANYTHING
        for piece in pieces:
            if not isinstance(piece, str):
                # Blanks in front keep the columns those of the whole string.
                bare = " " * piece.start + text[piece.start : piece.end]
                schema = self._expression(site, pointer, bare, piece.start, text)
        return (schema or ANYTHING) if len(pieces) == 1 else TEXT

    def _expression(self, site: Site, pointer: str, text: str, start: int, whole: str | None = None) -> Schema | None:
        """The schema of one expression, None when it does not compile."""
        try:
            expression = compile_expression(text, roots=site.roots)
        except ExpressionError as error:
            self.findings.add(error.as_violation(pointer))
            return None
        reader = SiteReader(site, self.producers, self.found, self.findings, pointer, whole or text)
        return Flow(reader).schema(expression.ast, self._known(site))

    def _known(self, site: Site) -> Known:
        known = NOTHING
        for condition, truth in site.assumes:
            known |= implied_by(condition, truth)
        return known

    # Comparison

    def _decide(self, site: Site, schema: Schema | None) -> None:
        types = types_of(schema) if schema is not None else frozenset()
        if types and "boolean" not in types:
            self.findings.error(
                "condition-not-boolean",
                site.pointer,
                f"A condition must be true or false, and this gives a {' or '.join(sorted(types))}.",
                hint="Compare it with something, for example with == or >.",
                expected="boolean",
                found=in_short(types),
            )

    def _fit(self, site: Site, pointer: str, value: Any, need: Need) -> None:
        """Go through a template beside the schema it must fit, so that every finding is where it belongs."""
        if not has_expressions(value):
            for violation in check_instance(dict(need.schema), value, pointer) if need.schema else ():
                self.findings.add(replace(violation, message=f"{need.what}: {violation.message}"))
        elif isinstance(value, Mapping) and "object" in types_of(need.schema):
            self._fit_object(site, pointer, value, need)
        elif isinstance(value, list) and "array" in types_of(need.schema):
            for index, each in enumerate(value):
                self._fit(site, pointer + pointer_to(index), each, need.inside(items_of(need.schema)))
        else:
            self.fit_schema(self._template(site, pointer, value), pointer, need)

    def _fit_object(self, site: Site, pointer: str, value: Mapping[str, Any], need: Need) -> None:
        properties = need.schema.get("properties")
        declared: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}
        outer = object_schema({str(key): ANYTHING for key in value})
        found = list(misfits(outer, need.schema))
        free = [name for name in declared if name not in value]
        meant = {each.found: certainly_meant(each.found, free) for each in found if each.code == "unknown-field"}
        for misfit in found:
            if misfit.code == "unknown-field" and misfit.place == pointer_to(misfit.found):
                self._unknown_key(misfit, meant[misfit.found], free, pointer, need)
            elif misfit.code != "required" or misfit.expected not in meant.values():
                self._report(misfit, pointer, need)
        for key, each in value.items():
            schema = declared.get(key, need.schema.get("additionalProperties"))
            inner = need.inside(schema if isinstance(schema, Mapping) else ANYTHING)
            self._fit(site, pointer + pointer_to(str(key)), each, inner)
            if key not in declared and declared and need.schema.get("additionalProperties") is not False:
                self._maybe_misspelt(str(key), declared, pointer, need)

    def _unknown_key(self, misfit: Misfit, meant: str | None, free: list[str], pointer: str, need: Need) -> None:
        """A field of a template that its place does not take: moved to the one that was meant, when that is certain."""
        here = pointer + misfit.place
        self.findings.error(
            "unknown-field",
            here,
            f"{need.what}: {misfit.message}.",
            hint=did_you_mean(misfit.found, free, noun="fields") or need.hint,
            fix=None if meant is None else [{"op": "move", "from": here, "path": pointer + pointer_to(meant)}],
            expected=misfit.expected,
            found=misfit.found,
        )

    def _maybe_misspelt(self, key: str, declared: Mapping[str, Any], pointer: str, need: Need) -> None:
        meant = nearest(key, declared)
        if meant is not None:
            self.findings.warning(
                "unknown-field",
                pointer + pointer_to(key),
                f"{need.what} knows no field {key!r}.",
                hint=f"Did you mean {meant!r}?",
                expected=meant,
                found=key,
            )

    def fit_schema(self, schema: Schema, pointer: str, need: Need) -> None:
        """Report how values of `schema` do not fit the need."""
        for misfit in misfits(schema, need.schema):
            self._report(misfit, pointer, need)

    def _report(self, misfit: Misfit, pointer: str, need: Need) -> None:
        inside = f" (at {misfit.place})" if misfit.place.count("/") > 1 else ""
        report = self.findings.error if misfit.severity == "error" else self.findings.warning
        report(
            misfit.code,
            pointer,
            f"{need.what}: {misfit.message}{inside}.",
            hint=need.hint,
            expected=misfit.expected,
            found=misfit.found,
        )
