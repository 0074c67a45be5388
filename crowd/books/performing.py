"""A job performs calls of the outbox: one after another, patient with a place that does not answer."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from crowd.books import outbox
from crowd.models import Call
from crowd.ways.base import GatewayError, GatewayRefused, GatewayUnavailable, InsufficientFunds
from jobs.running import JobError, Report

T = TypeVar("T")
WAITS_S = (1, 2, 4, 8, 15, 30)
BUSY_S = 0.2


def patiently(report: Report, call: Callable[[], T]) -> T:
    """Repeat a call that may be repeated while the place does not answer, for a minute in all."""
    waits_s = iter(WAITS_S)
    while True:
        try:
            return call()
        except GatewayUnavailable as error:
            if (wait_s := next(waits_s, None)) is None:
                raise
            report(line=f"{error}; trying again in {wait_s} s")
            time.sleep(wait_s)


def perform(report: Report, call: Call) -> Call:
    """See the call to its end, also where another process is at it.

    Raises: GatewayError.
    """
    while True:
        call = patiently(report, partial(outbox.perform, call))
        if call.state == Call.State.REFUSED:
            raise GatewayRefused(call.error)
        if call.state != Call.State.WAITING:
            return call
        report()
        time.sleep(BUSY_S)


def perform_all(report: Report, calls: Sequence[Call], what: str) -> None:
    """All of them, in order; what is refused does not stop the others.

    Args:
        what: ends the sentence "212 of 400 ...".

    Raises: JobError that names the first refusal, once all others are through.
    """
    refusals = []
    for done, call in enumerate(calls):
        report(done / len(calls), f"{done} of {len(calls)} {what}")
        try:
            perform(report, call)
        except (GatewayUnavailable, InsufficientFunds) as error:
            raise JobError(
                f"{done - len(refusals)} of {len(calls)} {what}, then it stopped: {error} "
                "The rest is kept and tried again by itself."
            ) from error
        except GatewayError as error:
            refusals.append(error)
            report(line=str(error))
    if refusals:
        raise JobError(f"{len(calls) - len(refusals)} of {len(calls)} {what}. Refused: {refusals[0]}")
