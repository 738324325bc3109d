"""The database itself refuses to change what an event says, whoever asks. Old events go by the week (services/partitions.py)."""

from __future__ import annotations

from django.db import migrations

CREATE = """
CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_append_only
    BEFORE UPDATE OF event_id, pattern, version, source, payload, metadata, correlation_id, causation_id, timestamp
    ON events_event FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
"""
DROP = """
DROP TRIGGER events_append_only ON events_event;
DROP FUNCTION refuse_event_change();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0005_sequences")]
    operations = [migrations.RunSQL(CREATE, DROP)]
