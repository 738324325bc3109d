"""`@idempotent` for view methods that write: the same Idempotency-Key gives the same answer and no second effect."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.validation.problems import BadInput
from apps.validation.services import Answer, answer_once

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("ETag", "Location")

V = TypeVar("V", bound=APIView)
P = ParamSpec("P")
Method = Callable[Concatenate[V, Request, P], Response]


def idempotent(method: Method[V, P]) -> Method[V, P]:
    """Run the method at most once for each principal and key; without the header it runs as ever.

    The method runs inside a transaction that also stores its answer, so it must not wait for work that others do after
    the commit; use `run_once` around the part that writes for that. Refusals (4xx) are not stored: nothing was done.
    """

    @wraps(method)
    def wrapper(view: V, request: Request, *args: P.args, **kwargs: P.kwargs) -> Response:
        return run_once(request, lambda: method(view, request, *args, **kwargs))

    return wrapper


def run_once(request: Request, produce: Callable[[], Response]) -> Response:
    """Produce a response once for the request's key. Raises BadInput for a key that is not 1 to 255 visible characters."""
    key = request.headers.get("Idempotency-Key")
    if key is None or request.user.pk is None:
        return produce()
    if not _KEY.fullmatch(key):
        raise BadInput("Idempotency-Key holds 1 to 255 visible ASCII characters.", code="bad-idempotency-key")
    fresh: list[Response] = []

    def remember() -> Answer:
        response = produce()
        fresh.append(response)
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        return Answer(response.status_code, _plain(response.data), headers, keep=response.status_code < 400)

    answer, repeated = answer_once(
        principal_id=request.user.pk, key=key, request_hash=_request_hash(request), produce=remember
    )
    if not repeated:
        return fresh[0]
    return Response(answer.body, answer.status, headers={**answer.headers, "Idempotent-Replayed": "true"})


def _plain(data: Any) -> Any:
    return json.loads(JSONRenderer().render(data)) if data is not None else None


def _request_hash(request: Request) -> str:
    data = request.data
    body = {name: data.getlist(name) for name in data} if hasattr(data, "getlist") else data
    parts = [request.method, request.path, sorted(request.query_params.lists()), body]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=_other).encode()).hexdigest()


def _other(value: Any) -> str:
    """An uploaded file stands in the hash by name, size and content."""
    if hasattr(value, "chunks"):
        digest = hashlib.sha256()
        for chunk in value.chunks():
            digest.update(chunk)
        value.seek(0)
        return f"{value.name}:{value.size}:{digest.hexdigest()}"
    return str(value)
