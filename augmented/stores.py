"""The three stores: which Postgres schema holds an app's tables, and the step that puts them there.

Every table keeps Django's plain name; the connection's search path finds it. Django creates new tables in the first
schema of that path. After each `migrate` the tables of every model are compared with STORES and those that lie elsewhere are
moved (`ALTER TABLE … SET SCHEMA` takes indexes, constraints, triggers and owned sequences along; it copies nothing).
A store can thus be granted, dumped and restored by itself: `pg_dump -n auth`. For that no foreign key may cross stores.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.recorder import MigrationRecorder

WORKFLOW, BUSINESS, AUTH = "workflow", "business", "auth"
STORE_NAMES = (WORKFLOW, BUSINESS, AUTH)

# App label → store. An app that is absent here fails the system check augmented.E010.
STORES: dict[str, str] = {
    "accounts": AUTH,
    "admin": AUTH,
    "auth": AUTH,
    "contenttypes": AUTH,
    "sessions": AUTH,
    "guardian": AUTH,
    "business": BUSINESS,
    "workflows": WORKFLOW,
    "tasks": WORKFLOW,
    "events": WORKFLOW,
    "integrations": WORKFLOW,
    "testing": WORKFLOW,
    "ui": WORKFLOW,
    "chat": WORKFLOW,
    "validation": WORKFLOW,
}


def tables_by_store() -> dict[str, str]:
    """Table name → store, for every managed model, automatic many-to-many tables and Django's own list of migrations."""
    found = {
        model._meta.db_table: STORES[model._meta.app_label]
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.app_label in STORES
    }
    found[MigrationRecorder.Migration._meta.db_table] = WORKFLOW
    return found


def create_stores(sender: AppConfig, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Before `migrate`: create the schemas that are missing. Sent once per app; only the first call does anything."""
    if sender is not _apps_with_models()[0]:
        return
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [list(STORE_NAMES)])
        present = {name for (name,) in cursor.fetchall()}
        for store in STORE_NAMES:
            # Looked up first: IF NOT EXISTS asks for the right to create schemas even where there is nothing to create.
            if store not in present:
                cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {store}")


def place_tables(sender: AppConfig, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """After `migrate`: move every table that lies outside its store. Sent once per app; only the last call does anything."""
    if sender is not _apps_with_models()[-1]:
        return
    connection = connections[using]
    for table, store in misplaced_tables(using).items():
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {connection.ops.quote_name(table)} SET SCHEMA {store}")


def misplaced_tables(using: str = DEFAULT_DB_ALIAS) -> dict[str, str]:
    """Table → the store it should be in, for each table that exists in another schema of the search path."""
    wanted = tables_by_store()
    with connections[using].cursor() as cursor:
        cursor.execute(
            """
            SELECT c.relname, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND c.relname = ANY(%s) AND pg_table_is_visible(c.oid)
            """,
            [list(wanted)],
        )
        return {table: wanted[table] for table, schema in cursor.fetchall() if schema != wanted[table]}


def _apps_with_models() -> list[AppConfig]:
    return [config for config in apps.get_app_configs() if config.models_module is not None]
