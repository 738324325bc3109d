"""What /metrics shows. Numbers of the whole system are read from Postgres at the moment of asking, so that any web process
gives the same answer and nothing needs to be shared between processes."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

registry = CollectorRegistry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)
GCCollector(registry=registry)
