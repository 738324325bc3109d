"""Signing in and out."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from apps.auth import origin, services

MAX_FIELD = 1_024


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Shows the form, or verifies it and goes on to `next`. 401 for wrong credentials, 429 for too many attempts."""
    target = _target(request)
    if request.user.is_authenticated:
        return HttpResponseRedirect(target)
    if request.method != "POST":
        return _form(request, target)
    username = request.POST.get("username", "")[:MAX_FIELD].strip()
    try:
        user = services.sign_in(
            username=username,
            password=request.POST.get("password", ""),
            address=origin.client_address(request),
            request_meta=origin.request_meta(request),
        )
    except services.SignInThrottled as error:
        response = _form(request, target, username=username, failure=str(error), status=429)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    except services.SignInRefused as error:
        return _form(request, target, username=username, failure=str(error), status=401)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return HttpResponseRedirect(target)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session. Only by POST, so that no link or image can do it."""
    logout(request)
    return HttpResponseRedirect(reverse("ui:login"))


def _target(request: HttpRequest) -> str:
    """`next` when it leads to a page of ours, else the start page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else reverse("ui:home")


def _form(
    request: HttpRequest, target: str, *, username: str = "", failure: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "target": target,
        "username": username,
        "failure": failure,
        "demo": settings.AUGMENTED_MODE == "development",
    }
    return render(request, "ui/login.html", context, status=status)
