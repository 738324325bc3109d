"""Every write of this app, one verb each."""

from apps.auth.services.audit import record_audit
from apps.auth.services.roles import install_roles, save_role

__all__ = ["install_roles", "record_audit", "save_role"]
