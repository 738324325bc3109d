"""Reads. ``definitions``, ``instances`` (lists, one run's picture, its history), ``explain``, ``catalog`` (for the checks)."""
