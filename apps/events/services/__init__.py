"""Every write of the events app, one module per noun."""

from .recording import NewEvent, record_events

__all__ = ["NewEvent", "record_events"]
