"""The expression language, as the engine wants it handed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.timezone import get_current_timezone, is_naive

from apps.validation.durations import parse_duration, split_duration
from apps.validation.expressions import (
    EVENT_ROOTS,
    HANDLER_ROOTS,
    LOOP_ROOTS,
    EvaluationError,
    compile_expression,
    compile_template,
)
from apps.validation.expressions.equalities import event_equalities
from apps.workflows.engine.plan import Expression
from apps.workflows.rules.calendars import NoWorkingTime, Span, WorkingCalendar

from .calendars import calendar as stored_calendar


class CelLanguage:
    """CEL expressions, ``${}`` templates, ISO 8601 durations and instants, working calendars."""

    def __init__(
        self, roots: frozenset[str] = HANDLER_ROOTS, calendars: Callable[[str], WorkingCalendar] = stored_calendar
    ) -> None:
        """``roots``: what expressions may name. ``calendars``: finds one by its id, or raises EvaluationError."""
        self.roots, self._calendars = roots, calendars

    def inside_items(self) -> CelLanguage:
        return CelLanguage(self.roots | LOOP_ROOTS, self._calendars)

    @property
    def error(self) -> type[Exception]:
        return EvaluationError

    def expression(self, text: str) -> Expression:
        return compile_expression(text, roots=self.roots)

    def template(self, value: Any) -> Expression:
        return compile_template(value, roots=self.roots)

    def event_expression(self, text: str) -> Expression:
        return compile_expression(text, roots=self.roots | EVENT_ROOTS)

    def event_template(self, value: Any) -> Expression:
        return compile_template(value, roots=self.roots | EVENT_ROOTS)

    def event_equalities(self, text: str) -> tuple[tuple[str, Expression], ...]:
        return event_equalities(text)

    def duration(self, text: str) -> timedelta:
        """Raises EvaluationError for what is no ISO 8601 duration (a value computed at run time may be anything)."""
        try:
            return parse_duration(text)
        except ValueError as error:
            raise EvaluationError("NOT_A_DURATION", str(error)) from error

    def instant(self, text: str) -> datetime:
        """An ISO 8601 date and time; without an offset it is in the platform's time zone."""
        try:
            value = parse_datetime(text)
        except ValueError:
            value = None
        if value is None:
            raise EvaluationError("NOT_AN_INSTANT", f"{text!r} is not a date and time like 2026-12-31T18:00:00Z.")
        return value.replace(tzinfo=get_current_timezone()) if is_naive(value) else value

    def working_time(self, calendar: str, begin: datetime, duration: str) -> datetime:
        """When so much time of a calendar has gone by."""
        try:
            return self._calendars(calendar).after(begin, Span(*split_duration(duration)))
        except (NoWorkingTime, OverflowError) as error:
            raise EvaluationError("NO_WORKING_TIME", str(error)) from error
        except ValueError as error:
            raise EvaluationError("NOT_A_DURATION", str(error)) from error

    def working_moment(self, calendar: str, moment: datetime) -> datetime:
        """The moment itself where a calendar works, else when it does next."""
        try:
            return self._calendars(calendar).next_moment(moment)
        except (NoWorkingTime, OverflowError) as error:
            raise EvaluationError("NO_WORKING_TIME", str(error)) from error


LANGUAGE = CelLanguage()
