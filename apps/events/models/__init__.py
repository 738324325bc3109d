"""What the events app keeps."""

from .definitions import EventDefinition
from .deliveries import DeadLetter, Delivery
from .queues import Checkpoint, EventQueue, QueuedEvent, QueueMinute
from .sequences import SequenceDefinition, SequenceMember, SequenceRun, SequenceWatch
from .store import Event, EventKey, Shape

__all__ = [
    "Checkpoint",
    "DeadLetter",
    "Delivery",
    "Event",
    "EventDefinition",
    "EventKey",
    "EventQueue",
    "QueueMinute",
    "QueuedEvent",
    "SequenceDefinition",
    "SequenceMember",
    "SequenceRun",
    "SequenceWatch",
    "Shape",
]
