"""Events and their deliveries become tables divided by the week in which the events came.

Whatever is there already goes into the part of its week, or into the default part, which also takes what nobody made a
part for yet. Later parts are made, and old ones dropped, by services/partitions.py.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import migrations

_PRIMARY_KEYS = {"events_event": "id, recorded_at", "events_delivery": "event, subscriber_id, recorded_at"}
_WEEKS = 3


def _partition(apps: Any, schema_editor: Any) -> None:
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday())
    mondays = [monday + timedelta(weeks=count) for count in range(_WEEKS)]
    with schema_editor.connection.cursor() as cursor:
        for table, key in _PRIMARY_KEYS.items():
            cursor.execute(
                "SELECT indexdef FROM pg_indexes JOIN pg_class ON relname = indexname"
                " JOIN pg_index ON indexrelid = pg_class.oid"
                " WHERE tablename = %s AND NOT indisprimary AND schemaname = ANY (current_schemas(false))",
                [table],
            )
            indexes = [row[0] for row in cursor.fetchall()]
            cursor.execute(f"ALTER TABLE {table} RENAME TO {table}_old")
            cursor.execute(
                f"CREATE TABLE {table} (LIKE {table}_old INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
                " PARTITION BY RANGE (recorded_at)"
            )
            cursor.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
            for start in mondays:
                cursor.execute(
                    f"CREATE TABLE {table}_p{start:%Y%m%d} PARTITION OF {table} FOR VALUES"
                    f" FROM ('{start}T00:00:00Z') TO ('{start + timedelta(weeks=1)}T00:00:00Z')"
                )
            cursor.execute(f"INSERT INTO {table} SELECT * FROM {table}_old")
            cursor.execute(f"DROP TABLE {table}_old")
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({key})")
            for index in indexes:
                cursor.execute(index)
        cursor.execute(
            "INSERT INTO events_eventkey (event_id, id, recorded_at) SELECT event_id, id, recorded_at FROM events_event"
        )
        cursor.execute("INSERT INTO events_eventqueue (id, status, patterns, config, revision, reason, changed_by)"
                       " VALUES ('default', 'active', '{}', '{}', 1, '', '') ON CONFLICT DO NOTHING")
        # Narrow and busy: rows live for milliseconds.
        cursor.execute(
            "ALTER TABLE events_queuedevent SET (autovacuum_vacuum_scale_factor = 0.0,"
            " autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)"
        )


class Migration(migrations.Migration):

    dependencies = [
        ("events", "0003_event_service"),
    ]

    operations = [
        migrations.RunPython(_partition, migrations.RunPython.noop),
    ]
