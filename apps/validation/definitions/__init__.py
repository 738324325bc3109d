"""Definitions of every kind: drafts, checks, immutable published versions."""
