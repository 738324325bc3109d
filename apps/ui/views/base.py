"""What all pages share: who may come in, and what becomes of a refusal."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.auth.access import permitted_scopes
from apps.auth.models import User
from apps.validation.problems import NotFound

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def page(permission: str | None = None) -> Callable[[View[P]], View[P]]:
    """A page for people who are signed in and hold `permission` in any scope; the view narrows it to objects.

    Not signed in: the sign-in page, then back here. Without the right: 403. NotFound of a selector: 404.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), reverse("ui:login"))
            if permission is not None and not permitted_scopes(actor(request), permission):
                raise PermissionDenied(f"This needs the permission {permission}.")
            try:
                return view(request, *args, **kwargs)
            except NotFound as error:
                raise Http404(error.detail) from error

        return cast("View[P]", never_cache(require_safe(guarded)))

    return decorate


def actor(request: HttpRequest) -> User:
    """The signed-in account."""
    return cast(User, request.user)


def one_of(value: str | None, allowed: Any, default: str = "") -> str:
    """A query parameter that must be one of a few words; anything else is as if it was not given."""
    return value if value is not None and value in allowed else default
