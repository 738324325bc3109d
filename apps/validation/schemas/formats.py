"""Texts with a form: the standard formats as jsonschema-rs knows them, and ours."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from functools import cache
from typing import Any

import jsonschema
import jsonschema_rs

from apps.validation.durations import DurationError, parse_duration

STANDARD = (
    "date-time", "date", "time", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "uri",
    "uri-reference", "iri", "iri-reference", "uuid", "json-pointer", "relative-json-pointer", "uri-template",
)  # fmt: skip
SHOWN = {
    "date-time": "a date and time such as 2026-03-01T09:30:00Z",
    "date": "a date such as 2026-03-01",
    "time": "a time such as 09:30:00Z",
    "email": "an e-mail address",
    "uri": "a complete address such as https://example.com/path",
    "uuid": "a UUID",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "hostname": "a host name",
    "timezone": "the IANA name of a time zone, such as Europe/Berlin",
    "cron": "five cron fields: minute, hour, day of month, month, day of week",
    "date-time-or-expression": "a date and time such as 2026-03-01T09:30:00Z",
    "regex": "a regular expression",
}
_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,\-?LW#]+", re.ASCII)


@cache
def _standard(name: str) -> Any:
    return jsonschema_rs.validator_for({"format": name}, validate_formats=True, offline=True)


def is_duration(value: object) -> bool:
    """An ISO 8601 duration as `parse_duration` reads it."""
    if not isinstance(value, str):
        return True
    parse_duration(value)
    return True


def is_timezone(value: object) -> bool:
    """The name of a time zone that this machine knows."""
    return not isinstance(value, str) or value in _timezones()


@cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def is_cron(value: object) -> bool:
    """Five fields of cron's characters; what they mean is checked where schedules are computed."""
    if not isinstance(value, str):
        return True
    fields = value.split()
    return len(fields) == 5 and all(_CRON_FIELD.fullmatch(field) for field in fields)


def _or_expression(check: Callable[[object], bool]) -> Callable[[object], bool]:
    def check_or_expression(value: object) -> bool:
        return (isinstance(value, str) and "${" in value) or check(value)

    return check_or_expression


def _standard_check(name: str) -> Callable[[object], bool]:
    return lambda value: bool(_standard(name).is_valid(value))


def _checks() -> dict[str, Callable[[object], bool]]:
    checks = {name: _standard_check(name) for name in STANDARD}
    return checks | {
        "duration": is_duration,
        "duration-or-expression": _or_expression(is_duration),
        "date-time-or-expression": _or_expression(checks["date-time"]),
        "timezone": is_timezone,
        "cron": is_cron,
    }


def _checker() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(formats=())
    for name, check in _checks().items():
        checker.checks(name, raises=(DurationError,))(check)
    return checker


CHECKER = _checker()


def for_fast_validator() -> dict[str, Callable[[object], bool]]:
    """Our formats for jsonschema-rs, which knows the standard ones; exceptions become False."""

    def quiet(check: Callable[[object], bool]) -> Callable[[object], bool]:
        def answer(value: object) -> bool:
            try:
                return check(value)
            except ValueError:
                return False

        return answer

    return {name: quiet(check) for name, check in _checks().items() if name not in STANDARD}
