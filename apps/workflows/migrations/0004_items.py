"""Items of FOR_EACH: scopes of any depth, and what lies below an execution found without a look at the whole run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0003_workflowinstance_aliases")]

    operations = [
        migrations.AlterField(
            model_name="stepexecution",
            name="scope",
            field=models.TextField(default="", help_text="the items it lies in: <stepId>#<visit>[<index>]/…"),
        ),
        migrations.AlterField(
            model_name="stepexecution",
            name="parent_id",
            field=models.UUIDField(null=True, help_text="the execution or item whose path this one lies on"),
        ),
        migrations.AlterField(
            model_name="stepexecution",
            name="branch",
            field=models.PositiveIntegerField(default=0, help_text="which branch, or which item"),
        ),
        migrations.AlterField(
            model_name="stepexecution",
            name="visit",
            field=models.PositiveIntegerField(default=1, help_text="0: an item of a FOR_EACH, which is no visit"),
        ),
        migrations.AlterField(
            model_name="stepexecution",
            name="input",
            field=models.JSONField(
                null=True, help_text="of items and of steps without a task; otherwise the task has it"
            ),
        ),
        migrations.AddIndex(
            model_name="stepexecution",
            index=models.Index(
                fields=["parent_id"],
                name="workflows_execution_below",
                condition=models.Q(status__in=["PENDING", "RUNNING", "WAITING"], parent_id__isnull=False),
            ),
        ),
    ]
