"""Calls from other systems: whether the sender is who they say, what they sent, and the event that comes of it. No tables."""
