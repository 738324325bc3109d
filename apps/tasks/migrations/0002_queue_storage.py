"""Storage settings for the busy tables: room for in-page updates, and vacuum that keeps up with a queue."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tasks", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE tasks_readytask SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,"
            " autovacuum_vacuum_cost_delay = 0);"
            "ALTER TABLE tasks_task SET (fillfactor = 80)",
            "ALTER TABLE tasks_readytask RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,"
            " autovacuum_vacuum_cost_delay); ALTER TABLE tasks_task RESET (fillfactor)",
        )
    ]
