"""A database is emptied after a test that committed: only the tables that hold something, by plain deletes.

Django's own way truncates every table and makes all permissions anew, which costs more than many a test.
Loaded by tests/conftest.py as a plugin.
"""

import pytest
from django.db import connections, transaction
from django.test import TransactionTestCase

# What migrating puts there; no test changes it.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}


def empty(case: TransactionTestCase) -> None:
    for alias in case._databases_names(include_mirrors=False):
        connection = connections[alias]
        quote = connection.ops.quote_name
        tables = sorted(set(connection.introspection.django_table_names()) - KEPT)
        with transaction.atomic(using=alias), connection.cursor() as cursor:
            asked = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})" for table in tables)
            cursor.execute(" UNION ALL ".join(asked))
            for (table,) in cursor.fetchall():
                cursor.execute(f"DELETE FROM {quote(table)}")  # foreign keys are checked at the end


@pytest.fixture(scope="session", autouse=True)
def _quick_emptying() -> None:
    TransactionTestCase._fixture_teardown = empty
