"""Lines of the ledger say which account they are about, and campaigns that ran without requirements keep saying so."""

from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill(apps, schema_editor):
    alias = schema_editor.connection.alias
    Campaign, Environment, Payment, Assignment = (
        apps.get_model("crowd", name) for name in ("Campaign", "Environment", "Payment", "Assignment")
    )
    account = Campaign.objects.filter(pk=OuterRef("campaign")).values("environment")[:1]
    worker = Assignment.objects.filter(pk=OuterRef("assignment")).values("worker")[:1]
    Payment.objects.using(alias).filter(environment=None).update(environment=Subquery(account), worker=Subquery(worker))
    Campaign.objects.using(alias).exclude(state="draft").update(approval_rate_percent=None, hits_approved=None, countries="")
    for part in ("/marketplace/api", "mturk-requester-sandbox"):
        Environment.objects.using(alias).filter(endpoint_url__contains=part).update(asks_requirements=False)


class Migration(migrations.Migration):
    dependencies = [("crowd", "0006_outbox_ledger_and_a_campaigns_life")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
