"""The description of the programming interface."""

from django.core.management import call_command


def test_the_schema_is_valid_and_made_without_a_warning(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
    assert "/api/v1/releases/" in (tmp_path / "schema.yml").read_text()
