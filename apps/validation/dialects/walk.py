"""Walks a document along its schema and converts what stands at each place.

Names of fields first, then the shape of the object (:mod:`.shapes`), then what is in it. Whatever the schemas leave to
the author (schemas of data, metadata, examples) is handed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.validation.schemas.renames import camel, shown
from apps.validation.violations import Violation, pointer_to

from . import values
from .expressions import Rewritten, convert_expression, convert_template
from .kinds import fold
from .names import Names
from .result import Change, Choice, OpenChoice, Place, replacing
from .schema import OPAQUE, Known, Spot, known, root

Hook = Callable[["Walk", dict[str, Any], Known, Place], dict[str, Any]]
_PERMISSION = re.compile(r"(?!perm)[a-z*][a-z_-]*(:[a-z*][a-z_-]*){1,2}\Z|\*\Z")
_ID_MAKERS = {"id": values.business_id, "stepId": values.step_id, "caseId": values.case_id}
# Examples of what an event carries are its author's own data.
_DATA_FIELDS = frozenset({"examples", "expectedOutput", "credentials"})


@dataclass(slots=True)
class Walk:
    """One conversion of one document. Collects `changes` and `violations` on the way."""

    kind: str
    names: Names
    hooks: Mapping[str, tuple[Hook, ...]]
    words: Mapping[str, Mapping[str, str]]
    changes: list[Change] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    def run(self, document: dict[str, Any]) -> Any:
        return self.value(document, root(self.kind), (), "")

    # What hooks and values say

    def changed(self, place: Place, before: Any, after: Any, message: str) -> None:
        self.changes.append(Change(pointer_to(*place), before, after, message))

    def unclear(self, code: str, message: str, place: Place, hint: str = "", choices: tuple[Choice, ...] = ()) -> None:
        self.violations.append(OpenChoice(code, message, pointer_to(*place), hint=hint, choices=choices))

    # Places

    def value(self, value: Any, spot: Spot | None, place: Place, name: str) -> Any:
        """The converted value of a field `name` whose schema stands at `spot`; None where the schemas say nothing."""
        if spot is None or spot.schema is True or name in _DATA_FIELDS:
            return value if name in _DATA_FIELDS else self.template(value, place, paths=False)
        here = known(spot, value, name)
        if here.role in OPAQUE:
            return value
        if here.role == "mapping":
            return self.template(value, place, paths=True)
        match value:
            case dict():
                return self.object(value, spot, place)
            case list():
                return self.list(value, here, place)
        return self.scalar(value, here, place, name)

    def list(self, value: list[Any], here: Known, place: Place) -> list[Any]:
        name = str(place[-1]) if place else ""
        return [self.value(each, here.items, (*place, index), f"{name}[]") for index, each in enumerate(value)]

    def object(self, value: dict[str, Any], spot: Spot, place: Place) -> dict[str, Any]:
        here = known(spot, value)
        if here.discriminator:
            value = self._settle_discriminator(value, here, spot, place)
            here = known(spot, value)
        value = self.rename(value, here, place)
        for page in sorted(here.pages):
            for hook in self.hooks.get(page, ()):
                value = hook(self, value, here, place)
        here = known(spot, value)
        if not here.fields and here.others is None:
            return {name: self._loose(each, (*place, name), place) for name, each in value.items()}
        done = {}
        for name, each in value.items():
            field_spot = here.fields.get(name, here.others)
            done[name] = self.value(each, field_spot, (*place, name), name)
        return done

    def _loose(self, value: Any, place: Place, parent: Place) -> Any:
        """A field of an object whose fields are the author's: variables to set are expressions, all else templates."""
        if parent and parent[-1] == "setVariables" and isinstance(value, str):
            return self.expression(value, place, condition=False)
        return self.template(value, place, paths=False)

    def _settle_discriminator(self, value: dict[str, Any], here: Known, spot: Spot, place: Place) -> dict[str, Any]:
        """The field that decides which others there are, in our spelling, before the others are looked at."""
        name = here.discriminator
        if name not in value:
            given = next(
                (each for each in value if here.renamed.get(camel(each)) == name or fold(each) == fold(name)), None
            )
            if given is not None:
                value = {name if each == given else each: content for each, content in value.items()}
                self.changed((*place, name), given, name, f"The field `{given}` is called `{name}`.")
        if isinstance(value.get(name), str) and name in here.fields:
            inner = known(here.fields[name], value[name], name)
            listed = inner.enum or self._consts(spot, name)
            value = {**value, name: self.word(value[name], listed, (*place, name))}
        return value

    def _consts(self, spot: Spot, name: str) -> tuple[Any, ...]:
        branches = spot.schema.get("allOf", ()) if isinstance(spot.schema, Mapping) else ()
        return tuple(each["if"]["properties"][name]["const"] for each in branches if "if" in each)

    def rename(self, value: dict[str, Any], here: Known, place: Place) -> dict[str, Any]:
        """The object with its fields under our names; its order stays."""
        done: dict[str, Any] = {}
        for name, content in value.items():
            target = name if name in here.fields or not here.fields else self._our_name(name, here)
            if target == name:
                done.setdefault(name, content)
                continue
            if target in value or target in done:
                other = value.get(target, done.get(target))
                if other == content:
                    self.changed((*place, target), name, target, f"`{name}` said the same as `{target}`.")
                    continue
                self.violations.append(
                    Violation(
                        "field-twice",
                        f"`{name}` and `{target}` are the same field here, and say different things.",
                        pointer_to(*place, name),
                        hint=f"Keep one of them, as `{target}`.",
                    )
                )
                done[name] = content
                continue
            done[target] = content
            self.changed((*place, target), name, target, f"The field `{name}` is called `{target}`.")
        return done

    def _our_name(self, name: str, here: Known) -> str:
        for candidate in (here.renamed.get(name), camel(name), here.renamed.get(camel(name))):
            if candidate is not None and candidate in here.fields:
                return candidate
        return (here.folded(name) if here.closed else "") or name

    # Single values

    def scalar(self, value: Any, here: Known, place: Place, name: str) -> Any:
        if here.role == "version":
            return self._made(value, values.version(value), place, "A version has three numbers.")
        if here.role in ("duration", "durationOrExpression"):
            return self.duration(value, place)
        if isinstance(value, str):
            return self._text(value, here, place, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and here.types == {"string"} and (here.role in _ID_MAKERS or name.endswith(("Id", "Key"))):
            value = self._made(value, str(value), place, "This is a text.")
            return self._text(value, here, place, name)
        return value

    def _text(self, value: str, here: Known, place: Place, name: str) -> Any:
        role = here.role
        if role in _ID_MAKERS:
            return self._id(value, role, place)
        if role == "expression":
            return self.expression(value, place, condition=name not in ("correlationKey", "outcome", "key", "items"))
        if role == "permission":
            return self._permission(value, place)
        if role in ("eventName", "eventPattern"):
            made = values.event_name(value) if "/" in value or ":" in value else value
            return self._made(value, made, place, "The parts of a pattern are joined by dots.")
        if here.enum:
            return self.word(value, here.enum, place)
        if here.types == {"boolean"} and value.lower() in ("true", "false"):
            return self._made(value, value.lower() == "true", place, "This is true or false, without quotes.")
        if name == "timeout" and here.types == {"integer"}:
            return self._made(value, values.milliseconds(value), place, "This is a number of milliseconds.")
        if here.types == {"integer"} and value.isdecimal() and value.isascii() and len(value) < 10:
            return self._made(value, int(value), place, "This is a number, without quotes.")
        return self.template(value, place, paths=False)

    def _made(self, before: Any, after: Any, place: Place, message: str) -> Any:
        """`after` where it could be made, listed as a change when it is another value."""
        if after is None or (after == before and isinstance(after, type(before))):
            return before
        self.changed(place, before, after, message)
        return after

    def _id(self, value: str, role: str, place: Place) -> str:
        made = _ID_MAKERS[role](value)
        if made is None:
            self.violations.append(
                Violation(
                    "id-unclear",
                    f"No id can be made of {shown(value)}.",
                    pointer_to(*place),
                    hint="An id has small letters, digits, `_` and `-`, and begins with a letter."
                    if role == "id"
                    else "An id has letters, digits, `_` and `-`.",
                )
            )
            return value
        return str(
            self._made(
                value, made, place, "An id has letters, digits, `_` and `-` only; what names it changed with it."
            )
        )

    def word(self, value: str, choices: tuple[Any, ...], place: Place) -> Any:
        """One of a list of words, in our spelling."""
        if value in choices:
            return value
        meant = values.word(value, choices)
        if meant is None:
            other = next((group for key, group in self.words.items() if key in choices), {})
            meant = other.get(fold(value))
            meant = meant if meant in choices else None
        return self._made(value, meant, place, f"`{value}` is written `{meant}`.")

    def duration(self, value: Any, place: Place) -> Any:
        if isinstance(value, str) and "${" in value:
            return self.template(value, place, paths=False)
        made = values.duration(value)
        if made is not None:
            return self._made(value, made, place, "A duration is written in ISO 8601.")
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
        if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
            number = int(value)
        if number is not None and number >= 0:
            options = [(unit, values.duration(number, unit)) for unit in ("seconds", "milliseconds", "minutes")]
            found = [(unit, text) for unit, text in options if text is not None]
            pointer = pointer_to(*place)
            hint = "Write " + ", ".join(f"{text} for {unit}" for unit, text in found) + "."
            choices = replacing(pointer, [text for _, text in found], [f"{number} {unit}" for unit, _ in found])
            self.unclear("duration-unit", f"{number} of what? A duration says its unit.", place, hint, choices)
        return value

    def _permission(self, value: str, place: Place) -> str:
        pointer = pointer_to(*place)
        made = value
        if not _PERMISSION.match(value):
            found, possible = values.permission(value)
            if found is None:
                hint = "Write action:resource, for example view:workflow."
                message = f"{shown(value)} does not say which part is the action."
                self.unclear("permission-unclear", message, place, hint, replacing(pointer, possible))
                return value
            made = str(self._made(value, found, place, "A permission is written action:resource."))
        action, _, resource = made.partition(":")
        resource = resource.partition(":")[0]
        existing = values.known_permissions()
        if "*" in made or f"{action}:{resource}" in existing:
            return made
        near = [each for each in existing if each.endswith(f":{resource}")]
        hint = f"What is asked for here: {', '.join(near)}." if near else f"Nothing here is about {shown(resource)}."
        message = f"Nothing on this platform asks for {made}, so it grants nothing by itself."
        self.violations.append(
            OpenChoice("permission-unknown", message, pointer, "warning", hint, choices=replacing(pointer, near))
        )
        return made

    # Texts with expressions in them

    def expression(self, value: str, place: Place, *, condition: bool) -> str:
        return self._rewritten(value, convert_expression(value, self.names, condition=condition), place)

    def template(self, value: Any, place: Place, *, paths: bool) -> Any:
        """Every text at any depth of a JSON value."""
        match value:
            case str():
                return self._rewritten(value, convert_template(value, self.names, paths=paths), place)
            case dict():
                return {name: self.template(each, (*place, name), paths=paths) for name, each in value.items()}
            case list():
                return [self.template(each, (*place, index), paths=paths) for index, each in enumerate(value)]
        return value

    def _rewritten(self, before: str, done: Rewritten, place: Place) -> str:
        pointer = pointer_to(*place)
        if done.text != before:
            self.changed(place, before, done.text, " ".join(done.notes) or "The expression is written as CEL.")
        for each in done.questions:
            labels = list(each.texts)
            self.violations.append(
                OpenChoice(
                    each.code,
                    each.message,
                    pointer,
                    "warning" if each.severity == "warning" else "error",
                    each.hint,
                    column=each.column,
                    choices=replacing(pointer, labels),
                )
            )
        return done.text
