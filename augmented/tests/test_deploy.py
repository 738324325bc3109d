"""The files of a production set-up say what the program needs. There is no Docker here to run them: they are parsed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

DEPLOY: Path = settings.BASE_DIR / "deploy"
MANDATORY = {"AUGMENTED_MODE", "SECRET_KEY", "AUGMENTED_KEY_RING", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def variables(text: str) -> set[str]:
    return set(re.findall(r"^([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))


def test_there_are_two_web_processes_several_workers_and_two_beats(compose: dict[str, Any]) -> None:
    replicas = {
        name: service["deploy"]["replicas"] for name, service in compose["services"].items() if "deploy" in service
    }
    assert replicas == {"web": 2, "worker": 2, "beat": 2}


def test_every_process_waits_for_the_migration(compose: dict[str, Any]) -> None:
    for name in ("web", "worker", "beat"):
        needs = compose["services"][name]["depends_on"]
        assert needs["migrate"] == {"condition": "service_completed_successfully"}


def test_every_named_dependency_network_and_volume_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= services.keys()
        assert set(service["networks"]) <= compose["networks"].keys()
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in compose["volumes"]


def test_the_worker_serves_every_queue_that_jobs_are_sent_to(compose: dict[str, Any]) -> None:
    command = compose["services"]["worker"]["command"]
    served = set(command[command.index("--queues") + 1].split(","))
    assert served == {queue.name for queue in settings.CELERY_TASK_QUEUES}


def test_the_servers_of_the_system_are_not_reachable_from_outside(compose: dict[str, Any]) -> None:
    assert compose["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert compose["services"][name]["networks"] == ["inside"]
        assert "ports" not in compose["services"][name]


def test_the_example_environment_names_all_that_is_mandatory_and_holds_no_secret() -> None:
    example = (DEPLOY / "env.example").read_text()
    assert variables(example) >= MANDATORY
    assert re.findall(r"^(?:SECRET_KEY|AUGMENTED_KEY_RING)=(.+)$", example, re.MULTILINE) == []


def test_every_variable_that_settings_read_is_described() -> None:
    source = (settings.BASE_DIR / "augmented" / "settings.py").read_text()
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", source)) | {"AUGMENTED_MODE"}
    described = set(re.findall(r"`([A-Z][A-Z_]+)`", (DEPLOY / "README.md").read_text()))
    assert read - described == {"AUGMENTED_DEBUG", "AUGMENTED_WORKER_REMOTE_CONTROL"}, "for developers only"


def test_the_image_installs_what_the_requirements_pin_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert "-c constraints.txt" in text
    assert re.search(r"^USER \d+$", text, re.MULTILINE)
