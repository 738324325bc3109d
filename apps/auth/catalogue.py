"""The roles that come with the platform. ``services.install_roles`` writes them at every migrate."""

from __future__ import annotations

from typing import NamedTuple


class RoleSpec(NamedTuple):
    """One role of the catalogue."""

    description: str
    permissions: tuple[str, ...]
    parents: tuple[str, ...] = ()


ROLES: dict[str, RoleSpec] = {
    # System roles
    "admin": RoleSpec("Everything.", ("*",)),
    "user": RoleSpec(
        "Signs in, works on tasks given to them, sees the instances they started.",
        ("view:task:assigned", "work:task:assigned", "view:instance:own", "view:schema", "use:validation"),
    ),
    "service": RoleSpec(
        "A program: starts workflows, follows and steers its own instances, reports events.",
        (
            "start:workflow",
            "view:instance:own",
            "steer:instance:own",
            "run:task",
            "view:task:own",
            "record:event",
            "view:schema",
            "use:validation",
        ),
    ),
    "readonly": RoleSpec(
        "Sees definitions, instances, tasks and events; changes nothing.",
        ("view:workflow", "view:schedule", "view:trigger", "view:instance", "view:task", "view:event", "view:schema"),
    ),
    "guest": RoleSpec("Sees the schemas of the definition language only.", ("view:schema",)),
    # Functional roles
    "workflow_designer": RoleSpec(
        "Designs and publishes workflows and tasks, tries them out, and follows how they run.",
        (
            "view:workflow",
            "design:workflow",
            "publish:workflow",
            "archive:workflow",
            "view:schedule",
            "view:trigger",
            "design:schedule",
            "design:trigger",
            "design:calendar",
            "publish:calendar",
            "archive:calendar",
            "design:task",
            "publish:task",
            "archive:task",
            "run:task",
            "view:task:own",
            "design:event",
            "publish:event",
            "archive:event",
            "design:sequence",
            "publish:sequence",
            "archive:sequence",
            "view:instance",
            "view:event",
            "view:webhook",
            "design:webhook",
            "use:secret",
        ),
        ("user",),
    ),
    "workflow_operator": RoleSpec(
        "Starts and steers instances, hands tasks to people, watches operations.",
        (
            "view:workflow",
            "start:workflow",
            "view:schedule",
            "view:trigger",
            "operate:schedule",
            "operate:trigger",
            "view:instance",
            "steer:instance",
            "view:task",
            "manage:task",
            "run:task",
            "view:event",
            "operate:sequence",
            "record:event",
            "replay:event",
            "operate:queue",
            "view:webhook",
            "operate:webhook",
            "view:operations",
        ),
        ("user",),
    ),
    "manager": RoleSpec(
        "Decides tasks such as approvals, and sees the instances they belong to.",
        ("view:task:assigned", "work:task:assigned", "view:instance:assigned"),
        ("user",),
    ),
    "integration_manager": RoleSpec(
        "Sets up integrations, webhooks and the secrets that they use.",
        (
            "view:workflow",
            "*:integration",
            "*:webhook",
            "view:event",
            "record:event",
            "manage:secret",
            "use:secret",
        ),
        ("user",),
    ),
    "analytics_viewer": RoleSpec("Sees how the platform performs.", ("view:operations",), ("readonly",)),
    "user_manager": RoleSpec(
        "Manages accounts and their roles, reads the audit trail.", ("manage:user", "view:audit"), ("user",)
    ),
}
