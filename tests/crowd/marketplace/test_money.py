"""Every cent: prices, holds, payments, fees, and the account that adds up."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from crowd.marketplace import money
from crowd.marketplace.models import AppendOnly, Entry, Hit, Message
from tests.crowd.marketplace.makers import accept, submit, work

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def balance(mturk) -> tuple[str, str]:
    """Available, on hold."""
    told = mturk.get_account_balance()
    return told["AvailableBalance"], told["OnHoldBalance"]


def error_code(error) -> str:
    return error.value.response["TurkErrorCode"].removeprefix("AWS.MechanicalTurk.")


@pytest.fixture(autouse=True)
def _the_account_adds_up(db):
    """After each test: the last balance is the sum of all changes, and what is on hold is what HITs hold."""
    yield
    for requester_pk in Entry.objects.values_list("requester", flat=True).order_by("requester").distinct():
        entries = Entry.objects.filter(requester=requester_pk)
        last = entries.latest("number")
        sums = entries.aggregate(available=Sum("available_change_usd"), on_hold=Sum("on_hold_change_usd"))
        held = Hit.objects.filter(requester=requester_pk).aggregate(held=Sum("held_usd"))["held"] or 0
        assert entries.count() == last.number
        assert [Decimal(sums["available"]).quantize(money.CENT), Decimal(sums["on_hold"]).quantize(money.CENT)] == [
            last.available_usd, last.on_hold_usd,
        ]
        assert Decimal(held).quantize(money.CENT) == last.on_hold_usd


@pytest.mark.parametrize(
    ("reward", "n", "fee"),
    [
        ("0.10", 5, "0.02"), ("0.10", 9, "0.02"), ("0.10", 10, "0.04"), ("0.01", 5, "0.01"), ("0.02", 5, "0.01"),
        ("0.07", 5, "0.01"), ("0.08", 5, "0.02"), ("0.125", 1, "0.03"), ("1.00", 12, "0.40"), ("0.03", 10, "0.01"),
        ("0.04", 10, "0.02"), ("0.00", 1, "0.01"),
    ],
)
def test_the_fee_is_a_fifth_or_two_fifths_from_ten_assignments_and_a_cent_at_least(reward, n, fee):
    assert money.fee_usd(Decimal(reward), n_assignments=n) == Decimal(fee)


def test_the_papers_campaign_costs_240_dollars():
    assert 2000 * (Decimal("0.10") + money.fee_usd(Decimal("0.10"), n_assignments=5)) == Decimal("240.00")


def test_money_is_held_when_a_hit_is_created_and_paid_on_approval(mturk, make_hit, worker_client):
    hit = make_hit(MaxAssignments=3)
    assert balance(mturk) == ("99.64", "0.36")
    assignment = work(worker_client("ana"), hit)
    assert balance(mturk) == ("99.64", "0.36")
    mturk.approve_assignment(AssignmentId=assignment)
    assert balance(mturk) == ("99.64", "0.24")


def test_rejection_expiry_and_deletion_release_what_is_held(mturk, make_hit, worker_client, clock):
    hit = make_hit(MaxAssignments=3)
    mturk.reject_assignment(AssignmentId=work(worker_client("ana"), hit), RequesterFeedback="No answer given.")
    assert balance(mturk) == ("99.76", "0.24")
    in_work = accept(worker_client("ben"), hit)
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=NINE)
    assert balance(mturk) == ("99.88", "0.12")
    submit(worker_client("cem"), in_work)
    mturk.approve_assignment(AssignmentId=in_work)
    assert balance(mturk) == ("99.88", "0.00")


def test_without_the_money_no_hit_is_created(boto, make_hit):
    poor = boto("a poor lab", "0.35")
    with pytest.raises(poor.exceptions.RequestError) as error:
        make_hit(poor, MaxAssignments=3)
    assert error_code(error) == "InsufficientFunds" and "$0.36" in str(error.value)
    assert poor.list_hits()["HITs"] == [] and balance(poor) == ("0.35", "0.00")
    hit = make_hit(poor, MaxAssignments=2)
    with pytest.raises(poor.exceptions.RequestError) as error:
        poor.create_additional_assignments_for_hit(HITId=hit["HITId"], NumberOfAdditionalAssignments=1)
    assert error_code(error) == "InsufficientFunds"
    assert poor.get_hit(HITId=hit["HITId"])["HIT"]["MaxAssignments"] == 2


def test_what_nobody_decides_is_paid_when_its_time_has_come(mturk, make_hit, worker_client, clock):
    hit = make_hit(MaxAssignments=1, AutoApprovalDelayInSeconds=3600)
    assignment = work(worker_client("ana"), hit)
    clock.shift(3599)
    assert balance(mturk) == ("99.88", "0.12")
    clock.shift(1)
    assert balance(mturk) == ("99.88", "0.00")
    told = mturk.get_assignment(AssignmentId=assignment)["Assignment"]
    assert told["AssignmentStatus"] == "Approved" and told["ApprovalTime"] == NINE + timedelta(hours=1)
    with pytest.raises(mturk.exceptions.RequestError) as error:
        mturk.reject_assignment(AssignmentId=assignment, RequesterFeedback="Too late.")
    assert error_code(error) == "InvalidAssignmentState"


def test_without_a_delay_a_hand_in_is_paid_at_once(mturk, make_hit, worker_client):
    hit = make_hit(MaxAssignments=1, AutoApprovalDelayInSeconds=0)
    work(worker_client("ana"), hit)
    assert balance(mturk) == ("99.88", "0.00")


def test_approving_twice_is_refused_and_pays_once(mturk, make_hit, worker_client):
    assignment = work(worker_client("ana"), make_hit())
    mturk.approve_assignment(AssignmentId=assignment)
    with pytest.raises(mturk.exceptions.RequestError, match="can be called with a status of: Submitted"):
        mturk.approve_assignment(AssignmentId=assignment)
    assert balance(mturk) == ("99.76", "0.12")


def test_a_rejection_can_be_turned_round_for_thirty_days(mturk, make_hit, worker_client, clock):
    hit = make_hit(MaxAssignments=2)
    first, second = (work(worker_client(name), hit) for name in ("ana", "ben"))
    for assignment in (first, second):
        mturk.reject_assignment(AssignmentId=assignment, RequesterFeedback="All left.")
    assert balance(mturk) == ("100.00", "0.00")
    with pytest.raises(mturk.exceptions.RequestError, match="OverrideRejection"):
        mturk.approve_assignment(AssignmentId=first)
    clock.shift(30 * 86400)
    mturk.approve_assignment(AssignmentId=first, OverrideRejection=True, RequesterFeedback="Our mistake.")
    assert balance(mturk) == ("99.88", "0.00")
    clock.shift(1)
    with pytest.raises(mturk.exceptions.RequestError, match="30 days"):
        mturk.approve_assignment(AssignmentId=second, OverrideRejection=True)


def test_turning_a_rejection_round_needs_the_money(boto, make_hit, worker_client):
    lab = boto("a poor lab", "0.12")
    assignment = work(worker_client("ana"), make_hit(lab, MaxAssignments=1))
    lab.reject_assignment(AssignmentId=assignment, RequesterFeedback="All left.")
    make_hit(lab, MaxAssignments=1, Title="Another")
    with pytest.raises(lab.exceptions.RequestError) as error:
        lab.approve_assignment(AssignmentId=assignment, OverrideRejection=True)
    assert error_code(error) == "InsufficientFunds"
    assert lab.get_assignment(AssignmentId=assignment)["Assignment"]["AssignmentStatus"] == "Rejected"


def test_a_rejection_needs_a_reason_and_the_worker_reads_it(mturk, make_hit, worker_client):
    ana = worker_client("ana")
    assignment = work(ana, make_hit())
    for feedback in (" ", "x" * 1025, "bell \x07"):
        with pytest.raises(mturk.exceptions.RequestError, match="RequesterFeedback"):
            mturk.reject_assignment(AssignmentId=assignment, RequesterFeedback=feedback)
    mturk.reject_assignment(AssignmentId=assignment, RequesterFeedback="Every answer was left.")
    assert "Every answer was left." in Message.objects.get(worker=ana.worker).text


def test_a_bonus_is_paid_with_its_fee_to_who_did_the_work(mturk, make_hit, worker_client):
    hit, ana = make_hit(), worker_client("ana")
    assignment = work(ana, hit)
    bonus = {"WorkerId": ana.worker.worker_id, "AssignmentId": assignment, "BonusAmount": "1.50", "Reason": "Careful."}
    mturk.send_bonus(**bonus)
    assert balance(mturk) == ("97.96", "0.24")
    for listed in (mturk.list_bonus_payments(HITId=hit["HITId"]), mturk.list_bonus_payments(AssignmentId=assignment)):
        [told] = listed["BonusPayments"]
        assert (told["BonusAmount"], told["Reason"], told["WorkerId"]) == ("1.50", "Careful.", ana.worker.worker_id)
    for spoiled, complaint in [
        ({"WorkerId": "ASTRANGER"}, "is not by worker"), ({"BonusAmount": "0"}, "above 0"), ({"Reason": " "}, "a reason"),
        ({"BonusAmount": "99"}, "available"),
    ]:
        with pytest.raises(mturk.exceptions.RequestError, match=complaint):
            mturk.send_bonus(**bonus | spoiled)
    with pytest.raises(mturk.exceptions.RequestError, match="either HITId or AssignmentId"):
        mturk.list_bonus_payments()
    assert balance(mturk) == ("97.96", "0.24")


def test_a_request_token_makes_one_hit_within_a_day(mturk, make_hit, clock):
    hit = make_hit(UniqueRequestToken="batch 1, HIT 1")
    with pytest.raises(mturk.exceptions.RequestError) as error:
        make_hit(UniqueRequestToken="batch 1, HIT 1", Title="Even with another title")
    assert error_code(error) == "HitAlreadyExists" and hit["HITId"] in error.value.response["Message"]
    with pytest.raises(mturk.exceptions.RequestError) as error:
        mturk.create_hit_with_hit_type(
            HITTypeId=hit["HITTypeId"], LifetimeInSeconds=60, Question=hit["Question"], UniqueRequestToken="batch 1, HIT 1"
        )
    assert error_code(error) == "HitAlreadyExists"
    assert Hit.objects.count() == 1 and balance(mturk) == ("99.76", "0.24")
    clock.shift(24 * 3600)
    assert make_hit(UniqueRequestToken="batch 1, HIT 1")["HITId"] != hit["HITId"]


def test_a_repeated_token_is_recognised_when_the_money_is_gone(boto, make_hit):
    lab = boto("a poor lab", "0.24")
    hit = make_hit(lab, UniqueRequestToken="one")
    with pytest.raises(lab.exceptions.RequestError) as error:
        make_hit(lab, UniqueRequestToken="one")
    assert error_code(error) == "HitAlreadyExists" and hit["HITId"] in str(error.value)


def test_a_request_that_failed_leaves_its_token_free(boto, make_hit):
    lab = boto("a poor lab", "0.24")
    with pytest.raises(lab.exceptions.RequestError):
        make_hit(lab, UniqueRequestToken="one", MaxAssignments=3)
    assert make_hit(lab, UniqueRequestToken="one")["HITId"]


def test_tokens_keep_bonuses_and_extensions_from_happening_twice(mturk, make_hit, worker_client):
    hit, ana = make_hit(MaxAssignments=1), worker_client("ana")
    bonus = {
        "WorkerId": ana.worker.worker_id, "AssignmentId": work(ana, hit), "BonusAmount": "0.10", "Reason": "Careful.",
        "UniqueRequestToken": "one",
    }
    extension = {"HITId": hit["HITId"], "NumberOfAdditionalAssignments": 1, "UniqueRequestToken": "one"}
    mturk.send_bonus(**bonus)
    mturk.create_additional_assignments_for_hit(**extension)
    for again in (lambda: mturk.send_bonus(**bonus), lambda: mturk.create_additional_assignments_for_hit(**extension)):
        with pytest.raises(mturk.exceptions.RequestError) as error:
            again()
        assert error_code(error) == "DuplicateRequest"
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["MaxAssignments"] == 2
    assert len(mturk.list_bonus_payments(HITId=hit["HITId"])["BonusPayments"]) == 1


def test_another_type_moves_the_hold_but_not_what_a_worker_was_promised(mturk, make_hit, worker_client):
    hit = make_hit(MaxAssignments=2)
    ana = worker_client("ana")
    assignment = accept(ana, hit)
    dearer = mturk.create_hit_type(AssignmentDurationInSeconds=900, Reward="0.50", Title="T", Description="D")["HITTypeId"]
    mturk.update_hit_type_of_hit(HITId=hit["HITId"], HITTypeId=dearer)
    assert balance(mturk) == ("99.28", "0.72")
    submit(ana, assignment)
    mturk.approve_assignment(AssignmentId=assignment)
    assert balance(mturk) == ("99.28", "0.60")


def test_entries_are_never_changed(mturk, make_hit):
    make_hit()
    entry = Entry.objects.first()
    entry.amount_usd = Decimal("1000.00")
    for change in (entry.save, entry.delete, Entry.objects.all().delete, lambda: Entry.objects.update(note="x")):
        with pytest.raises(AppendOnly):
            change()


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "Infinity"])
def test_a_deposit_is_whole_cents_above_nothing(requester, amount):
    with pytest.raises(ValueError, match="whole cents"):
        money.deposit(requester, Decimal(amount))
