"""Every write to workflows. ``definitions``: drafts and versions. ``instances``: starting and steering runs. ``timers``."""
