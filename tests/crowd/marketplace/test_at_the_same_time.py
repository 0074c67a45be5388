"""Two at once: the database decides, and nothing happens twice."""

from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from crowd.marketplace import accounts, assignments, clocks, money
from crowd.marketplace.errors import Refused
from crowd.marketplace.models import Assignment, Entry, Hit, Requester
from tests.crowd.marketplace.makers import accept, submit


def at_once(*calls):
    """The outcome of each call, all started together in threads with connections of their own."""

    def run(call):
        try:
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_one_place_goes_to_one_of_five_workers_who_accept_together(make_hit):
    hit = Hit.objects.get(hit_id=make_hit(MaxAssignments=1)["HITId"])
    workers = [accounts.make_worker(f"worker{n}", "correct horse") for n in range(5)]
    outcomes = at_once(*(lambda worker=worker: assignments.accept(worker, hit) for worker in workers))
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [Refused] * 4
    assert Assignment.objects.count() == 1


def test_one_worker_in_five_tabs_accepts_once(make_hit):
    hit = Hit.objects.get(hit_id=make_hit(MaxAssignments=5)["HITId"])
    worker = accounts.make_worker("ana", "correct horse")
    outcomes = at_once(*5 * [lambda: assignments.accept(worker, hit)])
    assert len({outcome.pk for outcome in outcomes}) == 1


def test_the_same_request_sent_twice_at_once_makes_one_hit(boto, make_hit):
    clients = [boto("a lab") for _ in range(4)]
    outcomes = at_once(*(lambda c=c: make_hit(c, UniqueRequestToken="one") for c in clients))
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert Hit.objects.count() == 1
    assert [error.response["TurkErrorCode"] for error in errors] == 3 * ["AWS.MechanicalTurk.HitAlreadyExists"]
    assert Entry.objects.filter(kind=Entry.Kind.HOLD).count() == 1


def test_an_assignment_approved_from_all_sides_is_paid_once(boto, make_hit, worker_client):
    ana = worker_client("ana")
    assignment_id = accept(ana, make_hit(MaxAssignments=1, AutoApprovalDelayInSeconds=1))
    submit(ana, assignment_id)
    later = Assignment.objects.get().auto_approve_at
    at_once(
        *(lambda c=c: c.approve_assignment(AssignmentId=assignment_id) for c in [boto("a lab"), boto("a lab")]),
        *2 * [lambda: clocks.advance(later)],
    )
    assert Entry.objects.filter(kind=Entry.Kind.REWARD).count() == 1
    assert money.balance(Requester.objects.get()).on_hold_usd == 0


def test_an_account_is_never_overdrawn_by_requests_that_cross(boto, make_hit):
    clients = [boto("a poor lab", "0.50") for _ in range(4)]
    at_once(*(lambda c=c, n=n: make_hit(c, Title=f"HIT {n}") for n, c in enumerate(clients)))
    balance = money.balance(Requester.objects.get(name="a poor lab"))
    assert Hit.objects.count() == 2 and str(balance.available_usd) == "0.02"


def test_requests_that_cross_wait_for_each_other_and_all_succeed(boto, make_hit, worker_client):
    """Eight programs create HITs of one account while work on another is accepted, handed in and approved."""
    ana, ben = worker_client("ana"), worker_client("ben")
    hit = make_hit()
    done = accept(ana, hit)
    submit(ana, done)
    clients = [boto("a lab") for _ in range(8)]
    outcomes = at_once(
        *(lambda c=c: make_hit(c, UniqueRequestToken=f"token {id(c)}") for c in clients),
        lambda: clients[0].approve_assignment(AssignmentId=done),
        lambda: accept(ana, hit),
        lambda: accept(ben, hit),
    )
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert Hit.objects.count() == 9
