"""Subscriptions are found by their pattern and correlation key, also those that are active already."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

from apps.events.matching import correlation_key
from apps.events.rules import ends_of


def _fill(apps: Any, schema_editor: Any) -> None:
    """The keys of what is active, and the shapes that they are found by."""
    subscription, shape = apps.get_model("workflows", "Subscription"), apps.get_model("events", "Shape")
    shapes = set()
    batch: list[Any] = []

    def write() -> None:
        subscription.objects.bulk_update(batch, ["correlation_key"])
        batch.clear()

    for row in subscription.objects.filter(status="active").iterator(chunk_size=1_000):
        row.correlation_key = correlation_key(row.correlation)
        shapes.add((row.event_pattern, tuple(sorted(row.correlation))))
        batch.append(row)
        if len(batch) == 1_000:
            write()
    write()
    rows = []
    for pattern, paths in sorted(shapes):
        head, tail = ends_of(pattern)
        rows.append(shape(owner="run", pattern=pattern, paths=list(paths), head=head, tail=tail))
    shape.objects.bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0009_triggers'),
        ('events', '0004_partitions'),
    ]

    operations = [
        migrations.AddField(
            model_name='subscription',
            name='correlation_key',
            field=models.CharField(default='', help_text='of correlation; see apps.events.matching', max_length=32),
        ),
        migrations.AddField(
            model_name='subscription',
            name='purpose',
            field=models.CharField(choices=[('wait', 'Wait'), ('cancel', 'Cancel')], default='wait', max_length=6),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='execution_id',
            field=models.UUIDField(help_text="the step's that waits; made of run and place where it is to cancel"),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='wait_step_id',
            field=models.CharField(max_length=255, null=True),
        ),
        migrations.RunPython(_fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('status', 'active')), fields=['event_pattern', 'correlation_key'], name='workflows_subscription_finds'),
        ),
        migrations.AddIndex(
            model_name='subscription',
            index=models.Index(condition=models.Q(('fulfilled_by_event_id__isnull', False)), fields=['instance_id', 'fulfilled_by_event_id'], name='workflows_subscription_took'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('purpose', 'wait'), ('wait_step_id__isnull', False)), models.Q(('purpose', 'cancel'), ('wait_step_id__isnull', True)), _connector='OR'), name='workflows_subscription_purpose'),
        ),
    ]
