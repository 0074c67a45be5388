"""Many write at once, and nobody is turned away."""

import threading

import pytest
from django.db import connection, transaction
from django.db.models import F

from annotation.models import Annotator, Import

N_WRITERS, N_WRITES = 6, 25


def write_at_once(write) -> list[Exception]:
    """Call `write(number)` again and again from several threads; returns what went wrong."""
    start, errors = threading.Barrier(N_WRITERS), []

    def work() -> None:
        start.wait()
        try:
            for number in range(N_WRITES):
                write(number)
        except Exception as error:  # handed to the test, which wants none
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(N_WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.django_db(transaction=True)
def test_reading_before_writing_in_one_transaction_never_finds_the_database_locked():
    def write(number: int) -> None:
        with transaction.atomic():
            Annotator.objects.count()
            Annotator.objects.create()

    assert write_at_once(write) == []
    assert Annotator.objects.count() == N_WRITERS * N_WRITES


@pytest.mark.django_db(transaction=True)
def test_a_counter_loses_no_count():
    row = Import.objects.create(format="lsp", path="somewhere", name="a data set", seed=0)

    def write(number: int) -> None:
        with transaction.atomic():
            Import.objects.filter(pk=row.pk).update(seed=F("seed") + 1)

    assert write_at_once(write) == []
    row.refresh_from_db()
    assert row.seed == N_WRITERS * N_WRITES
