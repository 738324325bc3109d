"""Signing in as the pages do."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from apps.auth.models import User


def page_session(user: User) -> str:
    """The session key that a browser of this user would hold in its cookie."""
    request = HttpRequest()
    request.session = SessionStore()
    login(request, user, backend="apps.auth.backends.AccountBackend")
    request.session.save()
    return str(request.session.session_key)
