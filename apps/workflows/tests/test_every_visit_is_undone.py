"""Undoing a loop: each visit with what it gave, announced as it happens, at a price that does not grow with the loop."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.auth.models import User
from apps.workflows.engine import needs
from apps.workflows.engine.memory import Memory
from apps.workflows.engine.state import Signal
from apps.workflows.engine.transitions import SignalKind
from apps.workflows.models import StepExecution
from apps.workflows.services.instances import history_entries
from apps.workflows.tests.factories import flow, published, started, worker_task
from apps.workflows.tests.live import Outside, advance
from apps.workflows.tests.test_engine_scenarios import NOW, RUN, SCENARIOS, plan_of, play
