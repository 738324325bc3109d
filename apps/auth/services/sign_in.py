"""Verifying a name and a password, for pages and API alike, with the back-off that makes guessing pointless."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from apps.auth import rules, selectors
from apps.auth.models import SignInCounter, User
from apps.auth.services.audit import record_audit

MAX_PASSWORD_LENGTH = 1_024


class SignInRefused(Exception):
    """Name and password do not fit, or the account may not sign in. Deliberately says no more."""


class SignInThrottled(Exception):
    """Too many failures. ``retry_after`` is in whole seconds, at least 1."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many failed attempts. Try again in {retry_after} seconds.")
        self.retry_after = retry_after


def sign_in(*, username: str, password: str, address: str = "", request_meta: dict[str, Any] | None = None) -> User:
    """The account these credentials belong to. Raises SignInRefused or SignInThrottled.

    1. Count the attempt as failed before looking: parallel guesses cannot slip past the counter.
    2. Hash once whatever happens: how long the answer takes does not tell whether the name exists.
    3. Check the account's status only after its password, so that the refusal tells nothing either.
    4. Success takes the count back.
    """
    name = User.normalize_username(username)
    keys = _counter_keys(name, address)
    if wait := _count_attempt(keys):
        raise SignInThrottled(wait)
    user = selectors.user_by_name(name)
    if not _password_fits(user, password) or user is None or not user.is_active or user.kind != User.Kind.PERSON:
        # The name that was typed is not recorded: people type passwords into that field.
        record_audit(
            actor=None,
            action="sign_in.refused",
            resource="user",
            resource_id=str(user.pk) if user is not None else "",
            request_meta=request_meta,
        )
        raise SignInRefused("Name or password is wrong.")
    _take_back(keys)
    record_audit(
        actor=user, action="sign_in.accepted", resource="user", resource_id=str(user.pk), request_meta=request_meta
    )
    return user


def forget_old_attempts() -> int:
    """Delete counters that no longer count."""
    stale = timezone.now() - timedelta(seconds=rules.SIGN_IN_FORGET_SECONDS)
    removed, _ = SignInCounter.objects.filter(updated_at__lt=stale).delete()
    return removed


def _password_fits(user: User | None, password: str) -> bool:
    if len(password) > MAX_PASSWORD_LENGTH or user is None or not user.has_usable_password():
        make_password(password[:MAX_PASSWORD_LENGTH])
        return False
    return user.check_password(password)


def _counter_keys(name: str, address: str) -> dict[str, rules.BackOff]:
    subjects = {"name and address": f"{name}\n{address}", "name": name}
    if address:
        subjects["address"] = address
    return {
        hashlib.sha256(f"{kind}\n{subject}".encode(errors="replace")).hexdigest(): rules.SIGN_IN_BACK_OFF[kind]
        for kind, subject in subjects.items()
    }


@transaction.atomic
def _count_attempt(keys: dict[str, rules.BackOff]) -> int:
    """Count one more failure under each key; or, when one of them is blocked, only return the seconds to wait.

    Rows are locked in the order of their keys, so two sign-ins never wait for each other in a circle.
    """
    now = timezone.now()
    SignInCounter.objects.bulk_create(
        [SignInCounter(key=key, blocked_until=now, updated_at=now) for key in sorted(keys)], ignore_conflicts=True
    )
    counters = list(SignInCounter.objects.select_for_update().filter(key__in=keys).order_by("key"))
    blocked_until = max(counter.blocked_until for counter in counters)
    if blocked_until > now:
        return max(1, round((blocked_until - now).total_seconds()))
    for counter in counters:
        if (now - counter.updated_at).total_seconds() > rules.SIGN_IN_FORGET_SECONDS:
            counter.failures = 0
        counter.failures += 1
        counter.blocked_until = now + timedelta(seconds=keys[counter.key].seconds_after(counter.failures))
        counter.updated_at = now
    SignInCounter.objects.bulk_update(counters, ["failures", "blocked_until", "updated_at"])
    return 0


def _take_back(keys: dict[str, rules.BackOff]) -> None:
    """After a success: this person starts afresh from this address; the wider counters lose only this attempt.

    Else an attacker could clear the counter of an address by signing in with an account of their own now and then.
    """
    narrow, *wider = keys
    SignInCounter.objects.filter(key=narrow).delete()
    for key in sorted(wider):
        SignInCounter.objects.filter(key=key).update(
            failures=Greatest(F("failures") - 1, 0), blocked_until=timezone.now()
        )
