"""The verbs of steering by name, with their arguments as the API writes them: for previews and bulk operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.validation.problems import Unprocessable
from apps.validation.violations import Violation, pointer_to
from apps.workflows.engine.transitions import INSTANCE, InstanceStatus, Rule, SignalKind

from . import acting, instances, migration, steering


@dataclass(frozen=True, slots=True)
class Verb:
    """``fields``: argument → the service's keyword. ``kind`` None: a migration, which is no signal."""

    service: Callable[..., None]
    kind: SignalKind | None
    fields: Mapping[str, str]
    needs: tuple[str, ...] = ()
    participle: str = ""

    def allowed_in(self, status: InstanceStatus) -> bool:
        if self.kind is None:
            return status in migration.MIGRATABLE
        return INSTANCE[status, self.kind] in (Rule.APPLY, Rule.HOLD)

    def refusal(self, status: InstanceStatus) -> str:
        """Why a run in this status cannot take the verb, and what could be done instead."""
        return migration.refusal(status) if self.kind is None else acting.refusal(status, self.kind)


_PLACE = {"stepId": "step_id", "executionId": "execution_id"}
VERBS: dict[str, Verb] = {
    "cancel": Verb(
        instances.cancel, SignalKind.CANCEL, {"shouldCompensate": "should_compensate"}, participle="cancelled"
    ),
    "suspend": Verb(instances.suspend, SignalKind.SUSPEND, {}, participle="suspended"),
    "resume": Verb(instances.resume, SignalKind.RESUME, {}, participle="resumed"),
    "retry": Verb(
        steering.retry,
        SignalKind.RETRY,
        {"stepId": "step_id", "version": "version", "input": "step_input"},
        participle="retried",
    ),
    "skip": Verb(
        steering.skip,
        SignalKind.SKIP,
        {**_PLACE, "output": "output", "outcome": "outcome"},
        participle="told to skip the step",
    ),
    "move": Verb(
        steering.move,
        SignalKind.MOVE,
        {"from": "step_id", "executionId": "execution_id", "to": "to", "input": "step_input"},
        ("to",),
        "moved",
    ),
    "migrate": Verb(migration.migrate, None, {"version": "version", "mapping": "mapping"}, ("version",), "migrated"),
    "signal": Verb(
        instances.signal, SignalKind.EVENT, {"name": "name", "payload": "payload"}, ("name",), "told of the event"
    ),
}
OPERATIONS = tuple(VERBS)
_DEFAULTS: dict[str, dict[str, Any]] = {"migrate": {"mapping": {}}, "signal": {"payload": {}}}


def keywords(operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of the verb's service for these arguments. Unprocessable for one missing or one too many."""
    verb = VERBS[operation]
    wrong = [
        Violation("unknown-field", f"{operation} has no {name}.", pointer_to(name))
        for name in arguments
        if name not in verb.fields
    ] + [
        Violation("required", f"{operation} needs {name}.", pointer_to(name))
        for name in verb.needs
        if name not in arguments
    ]
    if wrong:
        raise Unprocessable(violations=wrong)
    return _DEFAULTS.get(operation, {}) | {verb.fields[name]: value for name, value in arguments.items()}
