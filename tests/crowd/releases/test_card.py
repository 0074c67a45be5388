"""The data card says what the data bear out, and nothing else."""

from datetime import timedelta
from decimal import Decimal

import pytest

from annotation.models import Annotator, Pair, Task, Vote
from crowd.models import Campaign, Merge, Payment
from tests.crowd.releases.make import DAY, make_known_campaign, manifest, merged, read, released

pytestmark = pytest.mark.django_db


def card(merge: Merge, **options) -> str:
    return read(released(merge, **options), "README.md").decode()


def pay(campaign: Campaign, **overrides) -> None:
    for number, assignment in enumerate(campaign.hits.get().assignments.all()):
        Payment.objects.create(**{
            "campaign": campaign, "assignment": assignment, "kind": Payment.Kind.REWARD, "amount_usd": Decimal("0.10"),
            "fee_usd": Decimal("0.02"), "token": f"{number}-{overrides}"[:64], "reason": "verified", "at": DAY,
            "environment": campaign.environment,
        } | overrides)  # fmt: skip


def test_wages_are_what_was_paid_for_the_time_that_answers_took():
    campaign = make_known_campaign()  # 18 answers of 2.5 s each in a task
    pay(campaign)
    merge = merged(campaign)
    expected = (
        "Paid: 0.50 USD for 5 tasks (0.10 USD a task), and 0.10 USD in fees.",
        "A task's answers took 45 s (median), which makes 8.00 USD an hour of answering.",
    )
    said = card(merge)
    assert all(sentence in said for sentence in expected)
    pay(campaign, kind=Payment.Kind.BONUS, amount_usd=Decimal("1.00"), at=merge.ended_at + timedelta(days=1))
    said = card(merge)
    assert all(sentence in said for sentence in expected)  # what is paid later belongs to later merges


def test_how_many_how_sure_and_when_stands_in_it():
    said = card(merged(make_known_campaign()))
    assert "18 pairs of joints on 6 people in 6 images, judged by 5 people in 90 votes" in said
    assert "Collected on 2026-05-04 (UTC)." in said and "An answer took 1.7 s" in said
    assert "3.0 pairs a person, 5.0 votes a pair (asked for: 5)" in said
    assert "Labels: CC BY 4.0." in said and "Please cite: Known et al. 2026" in said and "There was no tutorial" in said
    assert "6 people have a measured 3D pose" in said and "No payment is on record" in said


def test_agreement_and_risk_are_counted_over_pairs_of_votes():
    release = released(merged(make_known_campaign(), method="majority"))
    said = manifest(release)["figures"]
    same = both = unanimous = 0
    for pair in Pair.objects.all():
        ones = Vote.objects.filter(pair=pair, choice=1).count()
        same += ones * (ones - 1) + (5 - ones) * (4 - ones)
        both += 20
        unanimous += ones in (0, 5)
    assert said["votes"]["agreement"] == pytest.approx(same / both, abs=1e-6)
    assert said["votes"]["unanimous"] == pytest.approx(unanimous / 18, abs=1e-6)
    assert sum(said["risk"]["pairs"]) == 18 and 0 < said["risk"]["mean"] < 0.5


def test_a_lean_campaign_says_when_it_stopped_asking():
    campaign = make_known_campaign(protocol="lean", target_risk=0.04, most_votes=7)
    assert "until its risk was under 4.0 %, at most 7 times" in card(merged(campaign))


def test_ease_is_the_mean_of_what_was_said():
    campaign = make_known_campaign()
    for number, task in enumerate(Task.objects.order_by("pk")[:2]):
        task.feedback = {"problem": False, "ease": 7 + number, "comment": "AMZN-private"}
        task.save()
    said = card(merged(campaign))
    assert "How easy it was, from 0 to 10: 7.5 on average of 2 answers." in said and "private" not in said


def test_two_people_never_share_a_pseudonym():
    campaign = make_known_campaign()
    merge = merged(campaign)
    assert Annotator.objects.count() == 5
    release = released(merge)
    assert len({line.split(",")[4] for line in read(release, "votes.csv").decode().splitlines()[1:]}) == 5


SECTIONS = ("Motivation", "Composition", "Collection process", "Preprocessing, cleaning, labelling", "Uses", "Distribution",
            "Maintenance")  # fmt: skip


def test_every_question_of_the_datasheet_has_an_answer_from_the_data():
    campaign = make_known_campaign()
    Pair.objects.filter(first=0).update(strategy="bones")
    pay(campaign)
    said = card(merged(campaign))
    sheet = said[said.index("## Datasheet"): said.index("## Files")]
    assert [line[4:] for line in sheet.splitlines() if line.startswith("### ")] == list(SECTIONS)
    questions = [line for line in sheet.splitlines() if line.startswith("- *")]
    assert len(questions) == 38 and all(len(line.partition("?* ")[2]) > 2 for line in questions)
    for sentence in (
        "18 pairs with 90 votes, on 6 people in 6 images, and 6 people with a measured 3D pose.",
        "A part: 30.0 % of all pairs of these people's joints. They were chosen: 6 by “bones”, 12 at random.",
        "Every pair was asked about 5 times, of different people.", "5 people. 0.50 USD for 5 tasks.", "On 2026-05-04.",
        "No consent text was shown." if not campaign.consent_text else f"version {campaign.consent_version}",
        "Labels: CC BY 4.0.", "Who funded it?* Not recorded by Nearer", "by the picture's content.",
    ):
        assert sentence in sheet, sentence
