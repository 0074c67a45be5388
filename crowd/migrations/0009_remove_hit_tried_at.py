from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("crowd", "0008_calls_know_when_they_were_tried")]
    operations = [migrations.RemoveField(model_name="hit", name="tried_at")]
