"""Decides about every path that an expression reads: does it exist, can it be there by then, may it be missing?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .availability import Availability, has_error, has_output, ran
from .findings import Findings, Read, certain_fix, did_you_mean, listed, nearest
from .fitting import in_short
from .guards import present
from .outline import Step
from .paths import Path
from .producers import FAILURE, NULL, Producers
from .schema_flow import Reading, Use, Value
from .shapes import (
    ANYTHING,
    REPORTED,
    TYPES,
    Field,
    NoField,
    Schema,
    field_names,
    field_of,
    is_described,
    paths_to,
    types_of,
    union,
    values_of,
    without_null,
)
from .sites import Site
from .undescribed import origin_of

NUMBERS = frozenset({"integer", "number"})
EMPTY = {"string": "''", "object": "{}"}
"""What stands in for a value of a type in a hint; for any other, an empty list."""


@dataclass(frozen=True, slots=True)
class SiteReader:
    """The :class:`~.schema_flow.Reader` of one site. `pointer` and `text` are those of the string being read."""

    site: Site
    producers: Producers
    found: Availability | None
    findings: Findings
    pointer: str
    text: str

    def root(self, name: str) -> Schema:
        match name:
            case "input":
                return self.producers.input()
            case "vars":
                return self.producers.variables()
            case "item":
                return self.producers.item(self.site.loops[0]) if self.site.loops else ANYTHING
            case "index":
                return {"type": "integer"}
            case "event":
                return self.producers.event(self.site.event)
            case "error":
                return FAILURE if self._certainly_failed() else union([FAILURE, NULL])
        return ANYTHING

    def _certainly_failed(self) -> bool:
        scope = None if self.site.step is None else self.site.step.scope
        return self.found is not None and bool(self.site.must & self.found.failures(scope))

    def read(self, reading: Reading) -> Schema:
        path, holder = reading.path, reading.holder
        if path is not None and len(path) > 2 and path[0] in ("steps", "event"):
            self.findings.reads.append(Read(self.pointer, reading.column, path, self.text, self.site.event))
        if path is not None and path[0] == "steps" and len(path) == 2:
            return self._step(path, reading)
        if path is not None and path in (("input",), ("vars",)):
            return self.root(path[0])
        if path is not None and path[0] in ("workflow", "steps") and len(path) == 3 - (path[0] == "workflow"):
            # `workflow.instance`, `steps.x.output`: the compiler knows which of these exist.
            found = field_of(holder.schema, reading.key)
            return found.schema if isinstance(found, Field) else ANYTHING
        if holder.path is not None and not holder.optional and (reading.tested or not reading.optional):
            self._holder_is_there(reading, f"has no field {reading.key!r}", f"{'.'.join(holder.path)}.?{reading.key}")
        return self._field(reading)

    def used(self, use: Use) -> None:
        if use.holder.path is None or use.holder.optional:
            return
        shown = ".".join(use.holder.path)
        empty = EMPTY.get(in_short(types_of(use.holder.schema) - {"null"}), "[]")
        instead = f"coalesce({shown}, {empty})"
        match use.what[0]:
            case "[":
                instead = f"{shown}[?{use.what[1:]}"
            case ".":
                instead += use.what
            case "s":
                instead = f"size({instead})"
            case _:
                instead = f"… in {instead}"
        self._holder_is_there(use, f"does not take `{use.what}`", instead)

    def compared(self, left: Value, right: Value, operator: str, column: int) -> None:
        if operator not in ("==", "!="):
            return
        first, second = types_of(left.schema), types_of(right.schema)
        if not first or not second or first & second or (first | second) & {"null"}:
            self._compared_values(left.schema, right.schema, operator, column)
            return
        if first <= NUMBERS and second <= NUMBERS:
            return
        outcome = "false" if operator == "==" else "true"
        self.findings.warning(
            "comparison-never-varies",
            self.pointer,
            f"A {_names(first)} is compared with a {_names(second)}, which is always {outcome}.",
            column=column,
        )

    def combined(self, left: Value, right: Value, operator: str, column: int) -> None:
        first, second = types_of(left.schema) - {"null"}, types_of(right.schema) - {"null"}
        if not first or not second or _fit_together(first, second, operator):
            return
        self.findings.error(
            "operator-type",
            self.pointer,
            f"`{operator}` does not work on a {_names(first)} and a {_names(second)}.",
            hint="Turn a value into text with string(x)." if operator == "+" and "string" in first | second else "",
            column=column,
        )

    def decided(self, condition: Value, column: int) -> None:
        types = types_of(condition.schema)
        if types and "boolean" not in types:
            self.findings.error(
                "condition-not-boolean",
                self.pointer,
                f"This must be true or false, and it is a {_names(types)}.",
                hint="Compare it with something, for example with == or >.",
                expected="boolean",
                found=in_short(types),
                column=column,
            )

    def _compared_values(self, left: Schema, right: Schema, operator: str, column: int) -> None:
        first, second = values_of(left), values_of(right)
        if first is None or second is None or any(value in second for value in first):
            return
        options, given = (first, second) if len(first) >= len(second) else (second, first)
        outcome = "false" if operator == "==" else "true"
        words = [value for value in options if isinstance(value, str)]
        self.findings.warning(
            "comparison-never-varies",
            self.pointer,
            f"The value is never {given[0]!r}, so this is always {outcome}.",
            hint=did_you_mean(str(given[0]), words, noun="values"),
            column=column,
            expected=" | ".join(str(value) for value in options[:20]),
            found=" | ".join(str(value) for value in given[:20]),
        )

    # Steps

    def _step(self, path: Path, reading: Reading) -> Schema:
        outline = self.producers.outline
        step = outline.by_id.get(path[1])
        if step is None:
            known = list(outline.by_id)
            self.findings.error(
                "unknown-step",
                self.pointer,
                f"There is no step {path[1]!r}.",
                hint=did_you_mean(path[1], known, noun="steps"),
                fix=self._fix(path[1], known, reading.column),
                column=reading.column,
                expected=" | ".join(known[:20]),
                found=path[1],
            )
            return REPORTED
        if self.found is None or self._inside_a_loop(step, reading) or self.site.lenient:
            return self.producers.result(step)
        if not reading.optional and not self._is_known(path, reading):
            self._has_ended(step, reading, self.found)
        return self.producers.result(step)

    def _inside_a_loop(self, step: Step, reading: Reading) -> bool:
        """A step of a FOR_EACH has many results; only the steps beside it, in the same round, see one."""
        here = [] if self.site.step is None else [scope.number for scope in self.site.step.scope.chain()]
        for scope in step.scope.chain():
            if scope.kind == "items" and scope.number not in here and scope.owner is not None:
                self.findings.error(
                    "step-inside-loop",
                    self.pointer,
                    f"Step {step.step_id!r} runs once per item of {scope.owner.step_id!r}, so outside it has no one result.",
                    hint=f"Read steps.{scope.owner.step_id}.output, the list of all results.",
                    column=reading.column,
                )
                return True
        return False

    def _has_ended(self, step: Step, reading: Reading, found: Availability) -> None:
        fact = found.facts.known(ran(step))
        if self._must(found) & fact:
            return
        beside = self._branch_beside(step)
        if beside is not None:
            self.findings.warning(
                "step-may-not-have-run",
                self.pointer,
                f"Step {step.step_id!r} runs at the same time in another branch of {beside!r}, so it may not have ended.",
                hint="Read it after the branches have joined, or optionally with steps.?" + step.step_id + ".",
                column=reading.column,
            )
        elif not self.site.may & fact:
            self.findings.error(
                "step-cannot-have-run",
                self.pointer,
                f"Step {step.step_id!r} cannot have run before this is evaluated.",
                hint=self._ran_before(found),
                column=reading.column,
            )
        else:
            self.findings.warning(
                "step-may-not-have-run",
                self.pointer,
                f"Step {step.step_id!r} does not run on every path that leads here; where it has not, this fails.",
                hint=f"Read it optionally: steps.?{step.step_id}.output, with .orValue(…) or coalesce(…) for the other case.",
                column=reading.column,
            )

    def _branch_beside(self, step: Step) -> str | None:
        """The PARALLEL step in which `step` and this site are in different branches."""
        if self.site.step is None:
            return None
        here = {scope.owner.number: scope.number for scope in self.site.step.scope.chain() if scope.owner}
        for scope in step.scope.chain():
            if scope.kind == "branch" and scope.owner and here.get(scope.owner.number, scope.number) != scope.number:
                return scope.owner.step_id
        return None

    def _ran_before(self, found: Availability) -> str:
        must = self._must(found)
        before = [step.step_id for step in found.graph.outline.steps if must & found.facts.known(ran(step))]
        return f"Steps that have run by then: {listed(before)}." if before else "No step has run by then."

    def _holder_is_there(self, reading: Reading | Use, lack: str, optionally: str) -> None:
        """What is read or used must not be null. `lack`: what null cannot do; `optionally`: how to write it instead."""
        path, schema = reading.holder.path, reading.holder.schema
        if path is None or path in reading.known or self.site.lenient:
            return
        if self.found is not None and self._must(self.found) & self.found.facts.known(path):
            return
        step = self.producers.outline.by_id.get(path[1]) if len(path) == 3 and path[0] == "steps" else None
        if step is not None and path[2] in ("output", "error"):
            self._has_result(step, path, reading, optionally)
        elif "null" in (types := types_of(schema)) and types not in (TYPES, {"null"}):
            self.findings.warning(
                "value-may-be-null",
                self.pointer,
                f"`{'.'.join(path)}` may be null, and null {lack}.",
                hint=f"Read it optionally: {optionally}.",
                column=reading.column,
                expected=in_short(types - {"null"}),
                found=in_short(types),
            )

    def _has_result(self, step: Step, path: Path, reading: Reading | Use, optionally: str) -> None:
        found = self.found
        ended = ran(step) in reading.known or (found is not None and self._must(found) & found.facts.known(ran(step)))
        if found is None or not ended:
            return  # said already, at the step
        wanted = has_output(step) if path[2] == "output" else has_error(step)
        if not self.site.may & found.facts.known(wanted):
            said = "has no output where it failed" if path[2] == "output" else "has no error where it completed"
            self.findings.error(
                f"step-has-no-{path[2]}",
                self.pointer,
                f"Step {step.step_id!r} {said}, and this is only reached like that.",
                column=reading.column,
            )
            return
        self.findings.warning(
            "step-may-not-have-run",
            self.pointer,
            f"Step {step.step_id!r} may have been skipped or have failed by then, and so have no {path[2]}."
            if path[2] == "output"
            else f"Step {step.step_id!r} may have completed by then, and so have no error.",
            hint=f"Read it optionally: {optionally}.",
            column=reading.column,
        )

    def _must(self, found: Availability) -> int:
        return found.knowing(self.site.must, self.site.assumes)

    # Fields

    def _field(self, reading: Reading) -> Schema:
        if reading.holder.schema is REPORTED:
            return REPORTED
        schema, path = without_null(reading.holder.schema), reading.path
        found = field_of(schema, reading.key)
        if isinstance(found, NoField):
            self._no_such_field(found, schema, reading)
            return REPORTED
        if not is_described(schema, reading.key):
            self._not_described(schema, reading)
        if not found.certain and not reading.optional and not self._is_known(path, reading):
            shown = ".".join(path) if path else reading.key
            self.findings.warning(
                "field-may-be-missing",
                self.pointer,
                f"`{shown}` is not required, and where it is missing this fails.",
                hint=f"Read it optionally: .?{reading.key} with .orValue(…), or test it with has(…) before.",
                column=reading.column,
            )
        return found.schema

    def _not_described(self, schema: Schema, reading: Reading) -> None:
        """Nobody said whether the field exists. Where the expression does not test that itself, its author is told."""
        holder = reading.holder.path
        if holder is None or reading.optional or self._is_known(reading.path, reading):
            return
        origin = origin_of(holder, self.site, self.producers)
        if origin is None or not self.findings.first(("not-described", *origin.key)):
            return
        names = field_names(schema)
        meant = nearest(reading.key, names)
        shown = ".".join(holder)
        self.findings.warning(
            "not-described",
            origin.pointer,
            f"Nothing describes the field {reading.key!r} of `{shown}`, so a mistake in it is seen only when it runs.",
            hint=f"Did you mean `{shown}.{meant}`?" if meant else origin.hint,
            expected=" | ".join(names[:20]),
            found=reading.key,
        )

    def _is_known(self, path: Path | None, reading: Reading) -> bool:
        if path is None or self.site.lenient:
            return self.site.lenient
        if path in reading.known or present(path) in reading.known:
            return True
        facts = None if self.found is None else self.found.facts
        return (
            self.found is not None
            and facts is not None
            and bool(self._must(self.found) & (facts.known(path) | facts.known(present(path))))
        )

    def _no_such_field(self, found: NoField, schema: Schema, reading: Reading) -> None:
        holder = ".".join(reading.holder.path) if reading.holder.path else "this value"
        if found.known is None:
            self.findings.error(
                "no-fields",
                self.pointer,
                f"`{holder}` is a {_names(types_of(schema))}, which has no field {reading.key!r}.",
                column=reading.column,
                expected="object",
                found=in_short(types_of(schema)),
            )
            return
        variable = reading.holder.path == ("vars",)
        message = f"There is no variable {reading.key!r}." if variable else f"`{holder}` has no field {reading.key!r}."
        meant = nearest(reading.key, found.known)
        fix = self._fix(reading.key, found.known, reading.column)
        if meant is None:
            # Right name, wrong level: `output.url` for `output.receipt.url`.
            deeper = paths_to(schema, reading.key)
            meant = ".".join(deeper[0]) if deeper else None
            fix = self._with(reading.key, ".".join(deeper[0]), reading.column) if len(deeper) == 1 else fix
        hint = f"Did you mean `{holder}.{meant}`?" if meant and reading.holder.path else ""
        report = self.findings.warning if reading.optional else self.findings.error
        report(
            "unknown-variable" if variable else "unknown-field",
            self.pointer,
            message,
            hint=hint or did_you_mean(reading.key, found.known, noun="fields"),
            fix=fix,
            column=reading.column,
            expected=" | ".join(found.known[:20]),
            found=reading.key,
        )

    def _fix(self, word: str, known: Any, column: int) -> list[dict[str, Any]] | None:
        """The whole string with one name replaced, when it is certain which was meant."""
        fix = certain_fix(word, known, self.pointer)
        return None if fix is None else self._with(word, str(fix[0]["value"]), column)

    def _with(self, word: str, other: str, column: int) -> list[dict[str, Any]] | None:
        start = column - 1
        if self.text[start : start + len(word)] != word:
            return None
        replaced = self.text[:start] + other + self.text[start + len(word) :]
        return [{"op": "replace", "path": self.pointer, "value": replaced}]


def _fit_together(first: frozenset[str], second: frozenset[str], operator: str) -> bool:
    if first & NUMBERS and second & NUMBERS:
        return True
    return operator == "+" and bool(first & second & {"string", "array"})


def _names(types: frozenset[str]) -> str:
    """`number`, or `string or null`."""
    shown = types - {"integer"} if "number" in types else types
    return " or ".join(sorted({"object": "map", "array": "list"}.get(name, name) for name in shown))
