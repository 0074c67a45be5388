"""Every cent and every decision is a line, lines stay as they are, and they add up to the account."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from crowd import deciding, paying, reconciling
from crowd.books import auditing, ledger
from crowd.marketplace import models as market
from crowd.marketplace import money
from crowd.models import Payment
from crowd.models.records import AppendOnly
from crowd.mturk.gateway import Gateway
from tests.crowd.campaigns import make_published
from tests.crowd.handwork import Hand
from tests.factories import make_environment, make_user


@pytest.mark.django_db
def test_a_line_is_neither_changed_nor_deleted_nor_written_twice():
    place = make_environment()
    line = ledger.write(place, Payment.Kind.DEPOSIT, "deposit:1", "March", amount_usd=Decimal("50.00"))
    line.amount_usd = Decimal("60.00")
    for change in (line.save, line.delete, Payment.objects.all().delete, lambda: Payment.objects.update(reason="x")):
        with pytest.raises(AppendOnly):
            change()
    assert ledger.write(place, Payment.Kind.DEPOSIT, "deposit:1", "again", amount_usd=Decimal("70.00")) == line
    assert Payment.objects.get().amount_usd == Decimal("50.00")


@pytest.mark.django_db
def test_a_decision_cannot_move_money():
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.write(make_environment(), Payment.Kind.REJECTION, "x", "no", amount_usd=Decimal("1.00"))


def test_the_ledger_adds_up_to_the_account_through_approvals_bonuses_rejections_and_deposits(place):
    user, hands = make_user(), [Hand() for _ in range(4)]
    campaign = make_published(place, n_pairs=20, votes_per_pair=4)
    first, second = campaign.hits.order_by("number")
    for hand in hands[:3]:
        hand.do(first)
    lazy = hands[3].accept(second)
    hands[3].submit(lazy)  # without an answer
    hands[0].accept(second)  # and somebody is at work
    reconciling.reconcile(campaign)
    deciding.reject(hands[3].here(lazy), user, reason="No comparison was answered.")
    paid = hands[1].here(market.Assignment.objects.get(worker=hands[1].row))
    paying.bonus(paid, user, amount_usd=Decimal("0.33"), reason="Fast.", key="1")
    found = auditing.audit(place)
    assert found.agrees and found.opening_usd == Decimal("100.00")
    assert (found.rewards_usd, found.bonuses_usd) == (Decimal("0.30"), Decimal("0.33"))
    assert found.fees_usd == Decimal("0.06") + Decimal("0.07")
    assert found.held_usd == Gateway(place).held_usd() == Decimal("0.48")  # 3 of 8 places are paid, 1 is rejected
    money.deposit(market.Requester.objects.get(), Decimal("25.00"))
    assert auditing.audit(place).difference_usd == Decimal("25.00")
    auditing.deposit(place, Decimal("25.00"), "From the grant", user, key="one form")
    auditing.deposit(place, Decimal("25.00"), "From the grant", user, key="one form")
    assert auditing.audit(place).agrees
    assert set(Payment.objects.values_list("kind", flat=True)) == {"opening", "deposit", "reward", "bonus", "rejection"}


def test_what_is_held_is_added_up_from_the_hits_where_an_account_does_not_say(place):
    campaign = make_published(place, n_pairs=20, votes_per_pair=3)
    first, second = campaign.hits.order_by("number")
    hand, other = Hand(), Hand()
    hand.do(first)
    other.accept(second)
    gateway = Gateway(place)
    gateway.expire(first.hit_id)
    gateway.expire(second.hit_id)
    assert gateway.held_usd() == gateway.balance().on_hold_usd == Decimal("0.24")


def test_the_command_prints_both_sides_and_fails_on_a_cent(place):
    make_published(place)
    out = StringIO()
    call_command("ledger", place.name, stdout=out)
    assert "by the ledger                     100.00" in out.getvalue()
    assert "the account: set aside              0.24" in out.getvalue()
    assert "difference                          0.00" in out.getvalue()
    money.deposit(market.Requester.objects.get(), Decimal("0.01"))
    with pytest.raises(CommandError, match="differ"):
        call_command("ledger", stdout=out)
    call_command("ledger", place.name, deposit="0.01", note="a cent", collect=True, stdout=out)
    with pytest.raises(CommandError, match="There is no environment called nowhere"):
        call_command("ledger", "nowhere")
    with pytest.raises(CommandError, match="no amount in whole cents"):
        call_command("ledger", place.name, deposit="0.001")


def test_what_the_marketplace_paid_by_itself_is_in_the_ledger_too(place, time_machine):
    from django.utils import timezone

    from crowd.marketplace import clocks

    campaign = make_published(place)
    hand = Hand()
    hand.submit(hand.accept(campaign.hits.get()))
    reconciling.reconcile(campaign)
    assert not Payment.objects.filter(kind="reward").exists()
    market.Assignment.objects.update(auto_approve_at=timezone.now())
    clocks.advance()
    assert not auditing.audit(place).agrees
    reconciling.reconcile(campaign)
    assert Payment.objects.get(kind="reward").reason == "Approved at the marketplace." and auditing.audit(place).agrees
