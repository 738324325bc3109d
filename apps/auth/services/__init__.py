"""Every write of this app, one verb each."""

from apps.auth.services.audit import record_audit
from apps.auth.services.demo import DEMO_CAST, DEMO_PASSWORD, DemoCastRefused, create_demo_cast
from apps.auth.services.housekeeping import clear_away
from apps.auth.services.keys import active_signer, rotate_signing_key
from apps.auth.services.roles import install_roles, save_role
from apps.auth.services.secrets import (
    Revealed,
    SecretInUse,
    SecretNotFound,
    SecretRefused,
    delete_secret,
    may_be_sent,
    note_use,
    open_secret,
    put_secret,
    reseal_secrets,
    reveal_for_use,
    rotate_secret,
)
from apps.auth.services.sessions import (
    RefreshRefused,
    TokenPair,
    close_session,
    end_all_sessions,
    open_session,
    refresh,
)
from apps.auth.services.sign_in import SignInRefused, SignInThrottled, sign_in
from apps.auth.services.users import assign_groups, assign_roles, create_user, set_password, set_status

__all__ = [
    "DEMO_CAST",
    "DEMO_PASSWORD",
    "DemoCastRefused",
    "RefreshRefused",
    "Revealed",
    "SecretInUse",
    "SecretNotFound",
    "SecretRefused",
    "SignInRefused",
    "SignInThrottled",
    "TokenPair",
    "active_signer",
    "assign_groups",
    "assign_roles",
    "clear_away",
    "close_session",
    "create_demo_cast",
    "create_user",
    "delete_secret",
    "end_all_sessions",
    "install_roles",
    "may_be_sent",
    "note_use",
    "open_secret",
    "open_session",
    "put_secret",
    "record_audit",
    "refresh",
    "reseal_secrets",
    "reveal_for_use",
    "rotate_secret",
    "rotate_signing_key",
    "save_role",
    "set_password",
    "set_status",
    "sign_in",
]
