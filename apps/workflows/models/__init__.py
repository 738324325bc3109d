"""Tables of workflows."""

from .bulk import BulkItem, BulkOperation
from .definitions import CalendarDefinition, WorkflowDefinition
from .runs import ConcurrencySlot, HistoryRecord, InboxSignal, StepExecution, Subscription, Timer, WorkflowInstance
from .schedules import Schedule, ScheduleFire
from .triggers import Trigger

__all__ = [
    "BulkItem",
    "BulkOperation",
    "CalendarDefinition",
    "ConcurrencySlot",
    "HistoryRecord",
    "InboxSignal",
    "Schedule",
    "ScheduleFire",
    "StepExecution",
    "Subscription",
    "Timer",
    "Trigger",
    "WorkflowDefinition",
    "WorkflowInstance",
]
