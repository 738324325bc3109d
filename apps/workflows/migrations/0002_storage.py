"""Storage settings for the busy tables: room for in-page updates, and vacuum that keeps up with a queue."""

from django.db import migrations

QUEUES = ("workflows_inboxsignal", "workflows_timer")
SETTINGS = "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0"
NAMES = "autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay"
UPDATED = ("workflows_workflowinstance", "workflows_stepexecution")


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_initial")]

    operations = [
        *(
            migrations.RunSQL(f"ALTER TABLE {table} SET ({SETTINGS})", f"ALTER TABLE {table} RESET ({NAMES})")
            for table in QUEUES
        ),
        *(
            migrations.RunSQL(f"ALTER TABLE {table} SET (fillfactor = 80)", f"ALTER TABLE {table} RESET (fillfactor)")
            for table in UPDATED
        ),
    ]
