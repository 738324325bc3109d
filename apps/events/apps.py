"""Django's entry for the events app."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "apps.events"
    label = "events"
    verbose_name = "Events"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.validation.definitions import kinds

        from . import subscribers
        from .kind import EVENT
        from .sequences.kind import SEQUENCE
        from .sequences.subscriber import SequenceSubscriber

        kinds.register(EVENT)
        kinds.register(SEQUENCE)
        subscribers.register(SequenceSubscriber())
