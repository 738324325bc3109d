"""Routes below ``/api/v1/``. What is named comes before the events themselves, whose ids may be anything."""

from __future__ import annotations

from django.urls import path

from apps.validation.api.kind_views import definition_routes

from . import dead_letters, definitions, events, queues, sequences

app_name = "events"
_RUN = "events/sequences/runs/<uuid:run_id>"
urlpatterns = [
    *definition_routes(definitions.EventDefinitionViews),
    path("events/definitions/<str:key>/try", definitions.TryEventDefinition.as_view(), name="definition-try"),
    path("events/queues", queues.QueueList.as_view(), name="queues"),
    path("events/queues/<str:key>", queues.OneQueue.as_view(), name="queue"),
    path("events/queues/<str:key>/pause", queues.QueuePause.as_view(), name="queue-pause"),
    path("events/queues/<str:key>/resume", queues.QueueResume.as_view(), name="queue-resume"),
    path("events/queues/<str:key>/drain", queues.QueueDrain.as_view(), name="queue-drain"),
    path("events/queues/<str:key>/checkpoints", queues.QueueCheckpoints.as_view(), name="queue-checkpoints"),
    path("events/queues/<str:key>/minutes", queues.QueueMinutes.as_view(), name="queue-minutes"),
    path("events/dead-letters", dead_letters.DeadLetterList.as_view(), name="dead-letters"),
    path("events/dead-letters/groups", dead_letters.DeadLetterGroups.as_view(), name="dead-letter-groups"),
    path("events/dead-letters/replay", dead_letters.DeadLetterReplayMany.as_view(), name="dead-letters-replay"),
    path("events/dead-letters/discard", dead_letters.DeadLetterDiscardMany.as_view(), name="dead-letters-discard"),
    path("events/dead-letters/<uuid:letter_id>", dead_letters.OneDeadLetter.as_view(), name="dead-letter"),
    path(
        "events/dead-letters/<uuid:letter_id>/replay",
        dead_letters.DeadLetterReplay.as_view(),
        name="dead-letter-replay",
    ),
    path(
        "events/dead-letters/<uuid:letter_id>/discard",
        dead_letters.DeadLetterDiscard.as_view(),
        name="dead-letter-discard",
    ),
    path(
        "events/dead-letters/<uuid:letter_id>/resolve",
        dead_letters.DeadLetterResolve.as_view(),
        name="dead-letter-resolve",
    ),
    path(_RUN, sequences.OneSequenceRun.as_view(), name="sequence-run"),
    path(f"{_RUN}/retry", sequences.SequenceRunRetry.as_view(), name="sequence-run-retry"),
    path(f"{_RUN}/resolve", sequences.SequenceRunResolve.as_view(), name="sequence-run-resolve"),
    path(f"{_RUN}/skip", sequences.SequenceRunSkip.as_view(), name="sequence-run-skip"),
    path(f"{_RUN}/fail", sequences.SequenceRunFail.as_view(), name="sequence-run-fail"),
    path("events/sequences/<str:key>/runs", sequences.SequenceRuns.as_view(), name="sequence-runs"),
    *definition_routes(sequences.SequenceViews),
    path("events", events.EventList.as_view(), name="events"),
    path("events/<path:event_id>/story", events.EventStory.as_view(), name="event-story"),
    path("events/<path:event_id>", events.OneEvent.as_view(), name="event"),
]
