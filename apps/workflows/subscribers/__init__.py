"""Whom events concern in this app: kinds of subscribers, one module each (see apps.events.subscribers)."""
