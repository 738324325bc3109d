"""Reading and writing CloudEvents."""

from __future__ import annotations

from rest_framework.renderers import JSONRenderer

from apps.events import cloudevents
from apps.validation.api.parsers import StrictJSONParser


class CloudEventParser(StrictJSONParser):
    media_type = cloudevents.STRUCTURED


class CloudEventBatchParser(StrictJSONParser):
    media_type = cloudevents.BATCH


class CloudEventRenderer(JSONRenderer):
    """Chosen by `Accept`, or by `?format=cloudevents`."""

    media_type = cloudevents.STRUCTURED
    format = "cloudevents"
