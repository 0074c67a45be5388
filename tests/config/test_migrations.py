"""Tests make their tables from the models, which is quicker; sites make them by migrations. Both must come to the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection, connections

from tests.workers import database_url

ROOT = Path(__file__).resolve().parents[2]
OTHER = "nearer_migrated"


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    env = os.environ | {"ENV_FILE": os.devnull} | environment
    return subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True)


def schema(of) -> dict[str, dict]:
    """Table: columns with type and whether they may be empty, and what each constraint and index is of."""
    with of.cursor() as cursor:
        return {
            table: {
                "columns": sorted(
                    (column.name, str(column.type_code), column.null_ok)
                    for column in of.introspection.get_table_description(cursor, table)
                ),
                "constraints": sorted(
                    (sorted(map(str, found["columns"] or [])), bool(found["foreign_key"]),
                     *(found[kind] for kind in ("primary_key", "unique", "check", "index")))
                    for found in of.introspection.get_constraints(cursor, table).values()
                ),
            }
            for table in of.introspection.table_names(cursor) if table != "django_migrations"
        }


@pytest.fixture
def migrated(tmp_path, django_db_blocker):
    """A connection to a database beside the test's that has been through every migration."""
    url = database_url()
    if connection.vendor == "sqlite":
        url = f"sqlite:///{tmp_path / OTHER}"
        name = str(tmp_path / OTHER)
    else:
        url, name = url.rsplit("/", 1)[0] + f"/{OTHER}", OTHER
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {OTHER}")
            cursor.execute(f"CREATE DATABASE {OTHER}")
    done = manage("migrate", "--verbosity", "0", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    connections.databases[OTHER] = {**connections.databases["default"], "NAME": name}
    with django_db_blocker.unblock():
        yield connections[OTHER]
        connections[OTHER].close()
    del connections.databases[OTHER]
    if connection.vendor != "sqlite":
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {OTHER}")


@pytest.mark.once
@pytest.mark.long
@pytest.mark.django_db
def test_migrations_make_the_tables_that_the_models_describe(migrated):
    by_models, by_migrations = schema(connection), schema(migrated)
    assert by_models.keys() == by_migrations.keys()
    django = {table for table in by_models if table.startswith("auth_")}  # has other types for the keys of its own
    assert [table for table in by_models.keys() - django if by_models[table] != by_migrations[table]] == []


def test_no_model_has_changed_without_a_migration():
    checked = manage("makemigrations", "--check", "--dry-run")
    assert checked.returncode == 0, checked.stdout
