"""HITs whose creation was tried and not confirmed become calls of the outbox, with the time of that try."""

from django.db import migrations, models


def into_the_outbox(apps, schema_editor):
    alias = schema_editor.connection.alias
    Call, Hit = apps.get_model("crowd", "Call"), apps.get_model("crowd", "Hit")
    for hit in Hit.objects.using(alias).filter(hit_id="", tried_at__isnull=False).select_related("campaign"):
        Call.objects.using(alias).get_or_create(
            token=hit.request_token,
            defaults={
                "environment_id": hit.campaign.environment_id, "campaign": hit.campaign, "hit": hit, "kind": "offer",
                "state": "dropped", "attempts": 1, "first_tried_at": hit.tried_at,  # publishing again revives it
            },
        )


class Migration(migrations.Migration):
    dependencies = [("crowd", "0007_every_line_names_its_account")]
    operations = [
        migrations.AddField(
            model_name="campaign",
            name="listed_at",
            field=models.DateTimeField(
                editable=False, null=True,
                help_text="When every submission was last looked at, not only what might be news.",
            ),
        ),
        migrations.RunPython(into_the_outbox, migrations.RunPython.noop),
    ]
