"""A worker's page shows what was done, and acts on it once: said back first, however often the button is pressed."""

from decimal import Decimal

import pytest
from django.urls import reverse

from crowd.marketplace import models as market
from crowd.models import Assignment, Payment, Worker
from jobs import running
from tests import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


def press(client, act: str, **said):
    """What the button on the worker's page leads to, and what is on the form behind it."""
    worker = Worker.objects.get()
    url = reverse(f"admin:crowd_worker_{act}", args=[worker.pk])
    asked = client.post(url, said)
    return asked, lambda: client.post(url, said | {"sure": "yes"}, follow=True)


def test_a_message_is_read_back_and_sent_once_however_often_the_button_is_pressed(client, hired):
    asked, sure = press(client, "letter", subject="Thank you", text="That was careful.", key="0123456789ab")
    assert "That was careful." in asked.content.decode() and not hired.row.messages.filter(subject="Thank you").exists()
    assert "The message is sent." in sure().content.decode()
    sure()
    assert hired.row.messages.filter(subject="Thank you").count() == 1
    _, again = press(client, "letter", subject="Thank you", text="That was careful.", key="another form!")
    again()
    assert hired.row.messages.filter(subject="Thank you").count() == 2


def test_a_bonus_is_read_back_with_its_fee_and_paid_once(client, hired):
    through = Assignment.objects.get(state="approved")
    said = {"amount": "0.50", "reason": "Very careful.", "through": through.pk, "key": "0123456789ab"}
    asked, sure = press(client, "bonus", **said)
    assert "$0.50 go to the worker and $0.10 to the marketplace" in asked.content.decode()
    assert not Payment.objects.filter(kind="bonus").exists()
    sure()
    sure()
    assert Payment.objects.get(kind="bonus").amount_usd == Decimal("0.50")


def test_what_waits_is_approved_from_the_workers_page(client, hired, researcher):
    waiting = Assignment.objects.get(state="submitted")
    page = client.get(reverse("admin:crowd_worker_change", args=[Worker.objects.get().pk])).content.decode()
    assert "waiting for your word" in page and "3 of 5 answers" in page
    asked, sure = press(client, "approve", task=[waiting.pk], feedback="The page was slow; thank you.")
    assert "1 task will be approved and paid: $0.10" in asked.content.decode()
    sure()
    waiting.refresh_from_db()
    assert waiting.state == "approved" and market.Assignment.objects.filter(state="Approved").count() == 2
    assert Payment.objects.get(assignment=waiting).decided_by == researcher
    assert "none of those is waiting" in sure().content.decode()


def test_an_exclusion_needs_a_reason_and_a_second_look(client, hired):
    worker = Worker.objects.get()
    asked, sure = press(client, "exclude", reason=" ")
    assert asked.status_code == 302 and "Say why" in sure().content.decode()
    asked, sure = press(client, "exclude", reason="Answers at random.")
    worker.refresh_from_db()
    assert "gets no further task here" in asked.content.decode() and worker.excluded_at is None
    sure()
    worker.refresh_from_db()
    assert worker.excluded_at is not None
    assert Payment.objects.get(kind="exclusion").reason == "Answers at random."


@pytest.mark.parametrize(("act", "said", "words"), [
    ("bonus", {"amount": "much", "reason": "x", "key": "0123456789ab"}, "is no amount"),
    ("bonus", {"amount": "0.50", "reason": "x", "through": "7", "key": "0123456789ab"}, "work that this worker has handed in"),
    ("bonus", {"amount": "0.50", "reason": "x"}, "Open the worker&#x27;s page again"),
    ("letter", {"subject": "x", "text": "", "key": "0123456789ab"}, "needs a subject and words"),
    ("approve", {"task": "x"}, "Tick the tasks"),
])
def test_a_form_that_says_too_little_does_nothing_and_says_why(client, hired, act, said, words):
    _, sure = press(client, act, **said)
    assert words in sure().content.decode()
    assert not Payment.objects.filter(kind="bonus").exists()


def test_a_worker_is_measured_by_known_answers_and_by_all_others(client, admin_user):
    """Two workers say the truth, the third always its opposite."""
    from crowd import merging

    campaign = factories.make_campaign(owner=admin_user)
    pairs = factories.make_pairs(10, campaign.dataset)
    for pair in pairs[:4]:
        pair.gold_first = pair.truth_first
        pair.save()
    hit = factories.make_hit(campaign=campaign, pairs=pairs, max_assignments=3)
    for truthful in (True, True, False):
        factories.answer(factories.make_assignment(hit=hit).task, lambda pair, like=truthful: pair.truth_first == like)
    running.execute(merging.start(campaign, admin_user, method="majority"))
    client.force_login(admin_user)
    contrary = Worker.objects.order_by("-pk").first()
    page = client.get(reverse("admin:crowd_worker_change", args=[contrary.pk])).content.decode()
    assert "0 of 4 right" in page and "with all others: 0 %" in page
    assert page.count("against the consensus</b>") == 10
    known = client.get(reverse("admin:crowd_worker_change", args=[contrary.pk]) + "?votes=known").content.decode()
    assert known.count("against the consensus</b>") == 4
    listed = client.get(reverse("admin:crowd_worker_changelist")).content.decode()
    assert "0 of 4" in listed and listed.count("4 of 4") == 2
