"""Can the runs of one version of a workflow go on with another? Decided from the two plans and from where runs stand.

* COMPATIBLE     the position exists in the new version, and nothing behind it reads what such a run does not have
* NEEDS_MAPPING  it exists under another name, which somebody must say
* IMPOSSIBLE     there is no such place, or the run would fail further on

A run has one verdict: the worst of its positions'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from apps.workflows.engine.plan import Plan, Step

from .ahead import Ahead, Read, ahead, behind, branches_of
from .pairing import pair, shapes_of


class Verdict(StrEnum):
    COMPATIBLE = "COMPATIBLE"
    NEEDS_MAPPING = "NEEDS_MAPPING"
    IMPOSSIBLE = "IMPOSSIBLE"


WORST = (Verdict.IMPOSSIBLE, Verdict.NEEDS_MAPPING, Verdict.COMPATIBLE)


@dataclass(frozen=True, slots=True)
class Standing:
    """Runs that stand at the same ``steps`` (at none: not begun yet). ``misfits``: field of the input → what is wrong."""

    steps: tuple[str, ...]
    instances: int = 1
    undoing: bool = False
    misfits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said of one position. ``step_id`` None: the run as a whole."""

    step_id: str | None
    verdict: Verdict
    message: str
    suggested: str | None = None
    candidates: tuple[str, ...] = ()
    code: str = "position-lost"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a mapping itself, whatever runs there are."""

    code: str
    step_id: str
    message: str


@dataclass(slots=True)
class Report:
    """``positions``: findings with the number of runs each is true of, the worst first. ``instances``: runs by verdict."""

    verdict: Verdict
    positions: list[tuple[Finding, int]]
    instances: dict[Verdict, int]
    mapping: dict[str, str]


@dataclass(slots=True)
class Judge:
    """Two versions and a mapping between them: step of the old one → step of the new, where the names differ."""

    before: Plan
    after: Plan
    mapping: Mapping[str, str]
    suggested: dict[str, str] = field(init=False)
    _branches: tuple[dict[str, int], dict[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.suggested = pair(shapes_of(self.before), shapes_of(self.after))
        self._branches = branches_of(self.before), branches_of(self.after)

    def problems(self) -> list[Problem]:
        """What is wrong with the mapping itself."""
        found = []
        for old, new in self.mapping.items():
            if old not in self.before.steps:
                found.append(Problem("unknown-step", old, f"{old} is no step of {self.before.version}."))
            if new not in self.after.steps:
                found.append(Problem("unknown-step", old, f"{new} is no step of {self.after.version}."))
        kept = [step_id for step_id in self.before.steps if step_id not in self.mapping]
        taken = Counter([*self.mapping.values(), *kept])
        found += [
            Problem("mapped-twice", old, f"More than one step would become {new}.")
            for old, new in self.mapping.items()
            if taken[new] > 1
        ]
        return found

    def report(self, standings: Iterable[Standing]) -> Report:
        """The verdict on all of these runs."""
        positions: Counter[Finding] = Counter()
        instances = dict.fromkeys(Verdict, 0)
        for standing in standings:
            found = self.findings(standing)
            for finding in set(found):
                positions[finding] += standing.instances
            instances[worst(finding.verdict for finding in found)] += standing.instances
        ordered = sorted(positions.items(), key=lambda item: (WORST.index(item[0].verdict), -item[1], str(item[0])))
        verdict = worst(each for each, count in instances.items() if count)
        free = {old: new for old, new in self.suggested.items() if new not in self.mapping.values()}
        return Report(verdict, ordered, instances, free | dict(self.mapping))

    def findings(self, standing: Standing) -> list[Finding]:
        """One finding for each position, and those on the run as a whole; never none."""
        if standing.undoing:
            message = "Undoes what it has done; that goes by the version that did it."
            return [Finding(each, Verdict.IMPOSSIBLE, message, code="undoing") for each in standing.steps or (None,)]
        found = [self._position(step_id) for step_id in standing.steps]
        if any(each.verdict is not Verdict.COMPATIBLE for each in found):
            return found
        found += self._joined(standing.steps)
        places = [self._becomes(step_id) for step_id in standing.steps]
        found += self._missing(standing, ahead(self.after, places))
        lost = [each for each in found if each.verdict is not Verdict.COMPATIBLE]
        return lost or found or [Finding(None, Verdict.COMPATIBLE, f"Not begun yet: begins with {self._start()}.")]

    def branch_changes(self) -> dict[str, int]:
        """Step (of the new version) → the number its branch has now, where that is another than before."""
        before, after = self._branches
        moved = {self._becomes(step_id): index for step_id, index in before.items()}
        return {step_id: after[step_id] for step_id, index in moved.items() if after.get(step_id, index) != index}

    # One position

    def _becomes(self, step_id: str) -> str:
        return self.mapping.get(step_id, step_id)

    def _start(self) -> str:
        return named(self.after.steps[self.after.start_at])

    def _position(self, step_id: str) -> Finding:
        old, wanted = self.before.steps[step_id], self._becomes(step_id)
        new = self.after.steps.get(wanted)
        if new is None:
            return self._elsewhere(old, f"{self.after.version} has no step {wanted}.")
        if new.type != old.type:
            return self._elsewhere(old, f"{wanted} is a {old.type} and becomes a {new.type}.")
        if old.parent is not None and new.parent not in (self._becomes(old.parent), None):
            around, suggested = old.parent, self.suggested.get(old.parent)
            if around not in self.mapping and new.parent == suggested:
                return Finding(
                    step_id, Verdict.NEEDS_MAPPING, f"It lies in {around}, which seems to be {suggested} now."
                )
        if new.parent != (None if old.parent is None else self._becomes(old.parent)):
            return self._elsewhere(old, f"{wanted} lies {_within(new)} in {self.after.version}, not {_within(old)}.")
        if wanted in self.after.compensations.values():
            return Finding(step_id, Verdict.IMPOSSIBLE, f"{wanted} only undoes work in {self.after.version}.")
        if old.manual is not None and (lost := self._lost_answers(old, new)):
            message = f"The open task still offers {_listed(lost)}, which leads nowhere in {self.after.version}."
            return Finding(step_id, Verdict.IMPOSSIBLE, message, code="answer-lost")
        return Finding(step_id, Verdict.COMPATIBLE, self._stays(old, new))

    def _elsewhere(self, old: Step, why: str) -> Finding:
        """The position has no place under its own name. Is there another it can have?"""
        parent = None if old.parent is None else self._becomes(old.parent)
        candidates = tuple(
            step_id
            for step_id, step in self.after.steps.items()
            if step.type == old.type
            and step.parent == parent
            and step_id not in self.before.steps
            and step_id not in self.after.compensations.values()
        )
        if not candidates:
            message = f"{why} No new step there is a {old.type}, so these runs end on {self.before.version}."
            return Finding(old.step_id, Verdict.IMPOSSIBLE, message)
        guess = self.suggested.get(old.step_id)
        if guess in candidates:
            return Finding(old.step_id, Verdict.NEEDS_MAPPING, f"{why} It seems to be {guess} now.", guess, candidates)
        return Finding(
            old.step_id, Verdict.NEEDS_MAPPING, f"{why} It can become {_listed(candidates)}.", None, candidates
        )

    def _lost_answers(self, old: Step, new: Step) -> list[str]:
        if new.next or "default" in new.transitions:
            return []
        return sorted(old.transitions.keys() - new.transitions.keys() - {"default", "STEP_TIMED_OUT"})

    def _stays(self, old: Step, new: Step) -> str:
        message = f"Goes on as {named(new)}." if new.step_id != old.step_id else "Stays where it is."
        if old.task is not None and new.task is not None and old.task.definition_id != new.task.definition_id:
            message += " The task that is open or under way is still done as it was given out."
        elif old.manual is not None:
            message += " The open task keeps its form and who it is for."
        elif old.type == "EVENT_WAIT" and old.pattern != new.pattern:
            message += f" It still waits for {old.pattern}."
        elif old.type == "DELAY":
            message += " The timer that runs keeps its time."
        elif old.type == "PARALLEL" and (fresh := _fresh_branches(old, new)):
            message += f" The branch {_listed(fresh)} does not begin for runs that have forked already."
        return message

    # The run as a whole

    def _joined(self, steps: Sequence[str]) -> list[Finding]:
        """Paths that run side by side must stay side by side."""
        before, after = self._branches
        took: dict[tuple[str | None, int], int] = {}
        for step_id in steps:
            new = self._becomes(step_id)
            if step_id in before and new in after:
                place = (self.after.steps[new].parent, after[new])
                if took.setdefault(place, before[step_id]) != before[step_id]:
                    message = f"Another branch of the same run would lie in the branch of {new} too."
                    return [Finding(step_id, Verdict.IMPOSSIBLE, message, code="branches-joined")]
        return []

    def _missing(self, standing: Standing, coming: Ahead) -> list[Finding]:
        """What steps further on read and such a run does not have: results, variables, fields of the input."""
        done = {self._becomes(step_id) for step_id in behind(self.before, standing.steps)} | set(standing.steps)
        found: dict[str, Finding] = {}
        for read in coming.reads:
            if read.path[0] == "steps" and len(read.path) > 1:
                finding = self._result(read, done | coming.results)
            elif read.path[0] == "vars" and len(read.path) > 1:
                finding = self._variable(read, coming)
            elif read.path[0] == "input" and standing.misfits:
                finding = self._input(read, standing.misfits)
            else:
                continue
            if finding is not None:
                found.setdefault(".".join(read.path[:2]), finding)
        # They are true of the run; they are shown at its innermost position.
        place = standing.steps[-1] if standing.steps else None
        whole = [each if each.step_id else replace(each, step_id=place) for each in found.values()]
        return whole + [each for step_id in standing.steps for each in self._missing_in_item(step_id)]

    def _missing_in_item(self, step_id: str) -> list[Finding]:
        """The same for an item under way: what other items will get is of no use to it."""
        old, new = self.before.steps[step_id], self.after.steps[self._becomes(step_id)]
        if not old.scopes or not new.scopes:
            return []
        coming = ahead(self.after, [new.step_id], within=new.scopes[-1])
        had = {self._becomes(each) for each in behind(self.before, [step_id], within=old.scopes[-1])} | coming.results
        found: dict[str, Finding] = {}
        for read in coming.reads:
            own = self.after.steps.get(read.path[1]) if read.path[0] == "steps" and len(read.path) > 1 else None
            if own is not None and own.scopes == new.scopes and (finding := self._result(read, had)) is not None:
                found.setdefault(own.step_id, replace(finding, step_id=finding.step_id or step_id))
        return list(found.values())

    def _result(self, read: Read, had: set[str]) -> Finding | None:
        step_id = read.path[1]
        if step_id in had or step_id not in self.after.steps:
            return None
        for old, new in self.suggested.items():
            if new == step_id and old not in self.mapping:
                message = (
                    f"{self._reader(read)} reads the result of {step_id}, which is {old} in {self.before.version}."
                )
                return Finding(old, Verdict.NEEDS_MAPPING, message, new, (new,), "result-missing")
        message = f"{self._reader(read)} reads the result of {step_id}, which these runs do not have and will not get."
        optional = f"steps.?{step_id}" if step_id.isidentifier() else f"steps[?'{step_id}']"
        message += f" If a run may lack it, let that be read as `{optional}`."
        return Finding(None, Verdict.IMPOSSIBLE, message, code="result-missing")

    def _variable(self, read: Read, coming: Ahead) -> Finding | None:
        name = read.path[1]
        ever = {each for step in self.before.steps.values() for each, _ in step.set_variables} | coming.sets
        if name in self.before.variables or name in ever:
            return None
        initial = self.after.variables.get(name)
        if initial is not None and (initial.reads or initial.evaluate({}) is not None):
            return None
        if initial is not None and not any(name in dict(step.set_variables) for step in self.after.steps.values()):
            return None  # nothing ever sets it: it is empty in new runs as well
        message = (
            f"{self._reader(read)} reads the variable {name}, which is new, has no initial value and is not set before."
        )
        return Finding(None, Verdict.IMPOSSIBLE, message, code="variable-unset")

    def _input(self, read: Read, misfits: tuple[tuple[str, str], ...]) -> Finding | None:
        for name, trouble in misfits:
            if len(read.path) == 1 or name in ("", read.path[1]):
                whole = f"the input field {name}" if name else "the input"
                message = f"{self._reader(read)} reads {whole}, and theirs does not fit {self.after.version}: {trouble}"
                return Finding(None, Verdict.IMPOSSIBLE, message, code="input-unfit")
        return None

    def _reader(self, read: Read) -> str:
        return "The output of the run" if read.by is None else named(self.after.steps[read.by])


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """COMPATIBLE when there is none."""
    return min(verdicts, key=WORST.index, default=Verdict.COMPATIBLE)


def named(step: Step) -> str:
    """“Approve” (ask), or just the id of a step without a name of its own."""
    return step.step_id if step.name == step.step_id else f"“{step.name}” ({step.step_id})"


def _within(step: Step) -> str:
    return "on the main path" if step.parent is None else f"inside {step.parent}"


def _fresh_branches(old: Step, new: Step) -> list[str]:
    known = {branch.name for branch in old.branches}
    return [branch.name for branch in new.branches if branch.name not in known]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
