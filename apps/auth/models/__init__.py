"""Tables of the auth store: people and roles, tokens and their keys, sign-in counters, secrets, audit."""

from apps.auth.models.audit import AuditEntry
from apps.auth.models.people import Role, User
from apps.auth.models.secrets import Secret, SecretUse
from apps.auth.models.sign_in import SignInCounter
from apps.auth.models.tokens import RefreshFamily, RefreshToken, SigningKey

__all__ = [
    "AuditEntry",
    "RefreshFamily",
    "RefreshToken",
    "Role",
    "Secret",
    "SecretUse",
    "SignInCounter",
    "SigningKey",
    "User",
]
