"""Who of this app handles events (see apps/events/subscribers.py)."""
