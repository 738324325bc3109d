from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from apps.auth.models import User
from apps.auth.tests.factories import UserFactory
from apps.ui.tests.reading import island, links, text_of
from apps.workflows.models import WorkflowInstance
from apps.workflows.services import firing, schedules
from apps.workflows.tests.factories import greeting, nap, published
from apps.workflows.tests.test_schedules_start_runs import pass_time

Browse = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db
WEEKDAYS = {"workflowId": "nap", "scheduleId": "early", "cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"}


def test_without_schedules_the_list_says_what_one_is(alice: User, browse: Browse) -> None:
    text = text_of(browse(alice).get("/schedules"))
    assert "Nothing starts by itself yet" in text
    assert "New schedule" in text


def test_the_list_says_each_rule_in_words_with_its_next_fire_and_last_run(alice: User, browse: Browse) -> None:
    published(nap())
    schedules.save(actor=alice, document=WEEKDAYS)
    schedules.save(actor=alice, document={"workflowId": "nap", "scheduleId": "hourly", "interval": "PT1H"})
    pass_time(3_600)
    firing.fire_due()
    answer = browse(alice).get("/schedules")
    text = text_of(answer)
    assert "At 09:00 on weekdays, Europe/Berlin" in text
    assert "Every hour" in text
    assert f"/instances/{WorkflowInstance.objects.get().pk}" in links(answer)


@pytest.mark.parametrize(
    ("query", "expected"),
    [({"search": "early"}, {"early"}), ({"state": "PAUSED"}, {"off"}), ({"search": "zz\x00z"}, set()), ({"state": "x"}, {"early", "off"})],
)  # fmt: skip
def test_the_list_is_searched(query: dict[str, str], expected: set[str], alice: User, browse: Browse) -> None:
    published(nap())
    schedules.save(actor=alice, document=WEEKDAYS)
    schedules.save(actor=alice, document={**WEEKDAYS, "scheduleId": "off", "enabled": False})
    answer = browse(alice).get("/schedules", query)
    assert {each for each in ("early", "off") if f"/schedules/{each}" in links(answer)} == expected
    assert ("No schedule fits" in text_of(answer)) is (not expected)


def test_one_schedule_shows_ten_fires_its_log_and_what_was_missed(alice: User, browse: Browse) -> None:
    published(nap())
    schedules.save(actor=alice, document={"workflowId": "nap", "scheduleId": "hourly", "interval": "PT1H"})
    pass_time(3_600)
    firing.fire_due()
    schedules.pause(actor=alice, key="hourly", reason="x")
    pass_time(3 * 3_600)
    answer = browse(alice).get("/schedules/hourly")
    text = text_of(answer)
    assert answer.content.decode().count('class="slot"') == 10
    assert "Missed while paused" in text
    assert f"/instances/{WorkflowInstance.objects.get().pk}" in links(answer)
    verbs = island(answer, "scheduleVerbs")
    assert (verbs["state"], verbs["missed"], [each["fires"] for each in verbs["catchUp"]]) == ("PAUSED", 3, [0, 1, 3])
    assert island(answer, "schedule")["revision"] == 2


def test_a_schedule_that_can_start_nothing_any_more_says_why(alice: User, browse: Browse) -> None:
    published(greeting())
    document = {"workflowId": "greeting", "scheduleId": "hello", "interval": "PT1H", "input": {"name": "Ada"}}
    schedules.save(actor=alice, document=document)
    published(greeting(version="2.0.0", inputSchema={"type": "object", "required": ["age"]}))
    assert "age" in text_of(browse(alice).get("/schedules/hello"))


def test_who_only_reads_is_offered_no_verb(alice: User, browse: Browse) -> None:
    published(nap())
    schedules.save(actor=alice, document=WEEKDAYS)
    reader = UserFactory(username="rita", roles=["readonly"])
    answer = browse(reader).get("/schedules/early")
    assert answer.status_code == 200
    assert 'data-island="scheduleVerbs"' not in answer.content.decode()
    assert 'data-island="schedule"' not in answer.content.decode()
    assert "New schedule" not in text_of(browse(reader).get("/schedules"))
    assert browse(alice).get("/schedules/none").status_code == 404
