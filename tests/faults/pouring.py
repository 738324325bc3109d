"""Events that pour in over HTTP, and what must have become of each of them.

Every ``fault.came`` concerns the trigger fault-stop, which finds nothing to cancel; one that says so also starts a run of
fault-answer, which waits for its ``fault.answered``. Every ``fault.posted`` is posted to the outside world.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tests.support.api import TRY_AGAIN
from tests.support.waiting import eventually

from .scene import Scene

CAME, ANSWERED, POSTED = "fault.came", "fault.answered", "fault.posted"
_TRIGGERS: dict[str, dict[str, Any]] = {
    "fault-start": {
        "workflowId": "fault-answer",
        "eventPattern": CAME,
        "eventCondition": "event.payload.starts",
        "inputMapping": {"n": "${event.payload.n}"},
    },
    "fault-stop": {
        "workflowId": "fault-answer",
        "eventPattern": CAME,
        "triggerType": "CANCEL",
        "correlationKey": "'nobody ' + event.eventId",
    },
}

_DELIVERED = """
SELECT k.event_id, d.subscriber_id, d.status FROM events_delivery d JOIN events_eventkey k ON k.id = d.event
WHERE k.event_id = ANY(%s)
"""


class Pouring:
    """Sends events, insists until each is accepted, and knows whom they concern. ``send`` may be called from threads."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.refusals: Counter[int] = Counter()
        """Statuses (0: a broken connection) with which events were not accepted yet."""
        self.sent: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._counted = 0
        for key, document in _TRIGGERS.items():
            scene.api.call("PUT", f"workflows/triggers/{key}", document).expect(200, 201)
        target = {"url": f"{scene.outside.address}/take", "eventPatterns": [POSTED], "retryDelay": "PT1S"}
        scene.api.call("PUT", "webhooks/subscriptions/fault-post", target).expect(200, 201)

    def come(self, count: int, *, every: int = 10, size: int = 100) -> None:
        """So many ``fault.came``, of which every tenth starts a run."""
        self.send(CAME, [{"n": n, "starts": n % every == 0} for n in self._numbers(count)], size=size)

    def come_until_refused(self) -> None:
        while not self.refusals[429]:
            self.come(20)

    def post(self, count: int, *, ms: int = 0) -> None:
        self.send(POSTED, [{"n": n, "ms": ms} for n in self._numbers(count)])

    def answer(self) -> None:
        """Wake every run that waits, which all those must do that are to be."""
        started = [each for each in self.sent.values() if each["pattern"] == CAME and each["payload"]["starts"]]
        eventually(
            lambda: len(self.scene.rows(
                "SELECT 1 FROM workflows_subscription WHERE status = 'active' AND event_pattern = %s", ANSWERED
            )) == len(started),
            within=120, every=0.1, what=self.scene.picture,
        )  # fmt: skip
        numbers = [each["payload"]["n"] for each in started]
        self.send(ANSWERED, [{"n": n, "value": 2 * n} for n in numbers])

    def send(self, pattern: str, payloads: Sequence[Any], *, size: int = 100) -> None:
        events = [
            {"eventId": f"{pattern}-{payload['n']}", "pattern": pattern, "payload": payload} for payload in payloads
        ]
        for first in range(0, len(events), size):
            batch = events[first : first + size]
            self._insist(batch)
            with self._lock:
                self.sent |= {each["eventId"]: each for each in batch}

    def _insist(self, batch: list[dict[str, Any]]) -> None:
        """Their ids make sending them again harmless; no Idempotency-Key does."""
        deadline = time.monotonic() + 120
        while True:
            try:
                answer = self.scene.api.call("POST", "events", batch)
                if answer.status not in TRY_AGAIN:
                    answer.expect(202)
                    return
                status = answer.status
            except (OSError, http.client.HTTPException):
                status = 0
            with self._lock:
                self.refusals[status] += 1
            assert time.monotonic() < deadline, f"not accepted; so far {self.refusals}"
            time.sleep(0.1)

    def _numbers(self, count: int) -> range:
        with self._lock:
            self._counted += count
            return range(self._counted - count, self._counted)

    # The end

    def picture(self) -> str:
        return f"{len(self.sent)} accepted, refused {dict(self.refusals)}; {self.scene.picture()}"

    def left(self) -> list[dict[str, Any]]:
        """What is not over: events in their queue, deliveries that are open."""
        return self.scene.rows(
            "SELECT 'queued' AS what, id::text FROM events_queuedevent UNION ALL"
            " SELECT status || ' ' || coalesce(lease, ''), subscriber_id FROM events_delivery"
            " WHERE next_attempt_at IS NOT NULL LIMIT 100"
        )

    def settle(self, *, within: float = 60.0) -> None:
        """Until every event is routed and every delivery over."""
        eventually(
            lambda: not self.left(), within=within, every=0.1, what=lambda: (self.left()[:9], self.scene.picture())
        )

    def check(self) -> None:
        """Every event that was accepted reached everybody whom it concerns, once; then the invariants of the runs."""
        delivered: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for row in self.scene.rows(_DELIVERED, list(self.sent)):
            delivered[row["event_id"]].append((row["subscriber_id"], row["status"]))
        wrong = {
            id_: sorted(delivered[id_])
            for id_, event in self.sent.items()
            if sorted(_kinds(delivered[id_])) != _wanted(event)
        }
        assert not wrong, f"I3: {len(wrong)} events did not reach whom they concern, such as {list(wrong.items())[:3]}"
        runs = self.scene.rows(
            "SELECT id, trigger_event_id, output FROM workflows_workflowinstance WHERE workflow_id = 'fault-answer'"
        )
        started = Counter(row["trigger_event_id"] for row in runs)
        starting = [id_ for id_, event in self.sent.items() if event["payload"].get("starts")]
        assert started == Counter(starting), "I3: an event did not start its one run"
        values = {row["trigger_event_id"]: row["output"] for row in runs}
        assert values == {id_: {"value": 2 * self.sent[id_]["payload"]["n"]} for id_ in starting}
        self._check_outside(id_ for id_, event in self.sent.items() if event["pattern"] == POSTED)
        self.scene.batched |= {str(row["id"]) for row in runs}
        self.scene.offered += len(starting)
        self.scene.check()

    def _check_outside(self, posted: Iterable[str]) -> None:
        taken: dict[str, set[str]] = defaultdict(set)
        for each in self.scene.outside.taken:
            taken[each.body["eventId"]].add(each.key)
        assert taken.keys() == set(posted), "I3: what was posted and what the outside world has got differ"
        assert all(len(keys) == 1 for keys in taken.values()), "an event was posted under two keys"


def _kinds(deliveries: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Deliveries with runs called just that: which run it is, its output says."""
    return [("run" if name.startswith("run:") else name, status) for name, status in deliveries]


def _wanted(event: dict[str, Any]) -> list[tuple[str, str]]:
    match event["pattern"]:
        case "fault.came":
            start = [("trigger:fault-start", "handled")] if event["payload"]["starts"] else []
            return [*start, ("trigger:fault-stop", "skipped")]
        case "fault.answered":
            return [("run", "handled")]
    return [("webhook:fault-post", "handled")]
