"""Each table lies in its store, and each store stands by itself."""

from __future__ import annotations

import subprocess

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from augmented import stores
from augmented.launcher.servers import postgres_programs

pytestmark = pytest.mark.django_db


def query(sql: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def test_every_table_lies_in_its_store() -> None:
    found = dict(
        query(
            "SELECT c.relname, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
        )
    )
    wanted = stores.tables_by_store()
    assert {table: found.get(table) for table in wanted} == wanted
    partitions = {child for (child,) in query("SELECT inhrelid::regclass::text FROM pg_inherits")}
    assert set(found) - set(wanted) - {name.rpartition(".")[2] for name in partitions} == set(), "a table of no model"


def test_sequences_and_indexes_moved_along_with_their_tables() -> None:
    strays = query(
        "SELECT c.relkind, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'S', 'i', 'I', 'v', 'm')"
    )
    assert strays == []


def test_no_foreign_key_crosses_stores() -> None:
    crossing = query(
        "SELECT k.conname, a.relnamespace::regnamespace::text, b.relnamespace::regnamespace::text FROM pg_constraint k "
        "JOIN pg_class a ON a.oid = k.conrelid JOIN pg_class b ON b.oid = k.confrelid "
        "WHERE k.contype = 'f' AND a.relnamespace <> b.relnamespace"
    )
    assert crossing == []


def test_every_app_with_models_has_a_store() -> None:
    assert {model._meta.app_label for model in apps.get_models(include_auto_created=True)} <= stores.STORES.keys()


def test_a_table_that_lies_elsewhere_is_moved_back_by_the_next_migrate() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auth.django_session SET SCHEMA public")
    assert stores.misplaced_tables() == {"django_session": stores.AUTH}
    call_command("migrate", verbosity=0)
    assert stores.misplaced_tables() == {}


@pytest.mark.parametrize("store", stores.STORE_NAMES)
def test_a_store_can_be_granted_by_itself(store: str) -> None:
    tables = sorted(name for name, place in stores.tables_by_store().items() if place == store)
    others = sorted(name for name, place in stores.tables_by_store().items() if place != store)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE ROLE only_this_store")
        cursor.execute(f"GRANT USAGE ON SCHEMA {store} TO only_this_store")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {store} TO only_this_store")
        for table in tables:
            assert query("SELECT has_table_privilege('only_this_store', %s, 'SELECT')", f'{store}."{table}"') == [
                (True,)
            ]
        for table in others:
            place = stores.tables_by_store()[table]
            may = query("SELECT has_table_privilege('only_this_store', %s, 'SELECT')", f'{place}."{table}"')
            assert may == [(False,)]
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("store", stores.STORE_NAMES)
def test_a_store_can_be_dumped_and_restored_by_itself(store: str) -> None:
    base, _, parameters = settings.DATABASE_URL.partition("?")
    database = settings.DATABASES["default"]["NAME"]
    server = base.rpartition("/")[0]

    def url(name: str) -> str:
        return f"{server}/{name}?{parameters}"

    def run(program: str, *arguments: str, text: str | None = None) -> str:
        command = [str(postgres_programs() / program), *arguments]
        return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout

    dump = run("pg_dump", "-n", store, "--no-owner", url(database))
    copy = f"{database}_{store}_copy"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{copy}"')
    try:
        run("psql", "-v", "ON_ERROR_STOP=1", "-q", "-d", url(copy), text=dump)
        counted = f"SELECT count(*) FROM pg_tables WHERE schemaname = '{store}'"
        restored = int(run("psql", "-At", "-d", url(copy), "-c", counted))
        assert restored == query("SELECT count(*) FROM pg_tables WHERE schemaname = %s", store)[0][0]
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{copy}"')
