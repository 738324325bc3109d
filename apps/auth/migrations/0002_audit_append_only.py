"""The database itself refuses to change or remove audit entries, whoever asks."""

from __future__ import annotations

from django.db import migrations

# TRUNCATE is let through in test databases alone: the test runner empties tables with it.
CREATE = """
CREATE FUNCTION auth.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_database() LIKE 'test\\_%' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'audit entries are append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_rows_append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION auth.refuse_audit_change();
CREATE TRIGGER audit_table_append_only BEFORE TRUNCATE ON accounts_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION auth.refuse_audit_change();
"""
DROP = """
DROP TRIGGER audit_table_append_only ON accounts_auditentry;
DROP TRIGGER audit_rows_append_only ON accounts_auditentry;
DROP FUNCTION auth.refuse_audit_change();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
