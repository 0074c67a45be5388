"""The client speaks to a stand-in that is as strict as Prolific: what it sends, what it repeats, how it says no."""

from decimal import Decimal

import pytest

from crowd.models import Environment
from crowd.prolific import credentials
from crowd.prolific.client import PAGE, Client
from crowd.ways.base import GatewayRefused, GatewayUnavailable, InsufficientFunds

REASON = "The answers came within a tenth of a second each, before the pictures could be seen; the rule was told before. " * 2


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def client(prolific, slept) -> Client:
    return Client(prolific, sleep=slept.append)


def facts(**overrides) -> dict:
    return {
        "name": "Which is closer?", "internal_name": "one [abc]", "description": "Look at people.", "reward": 60,
        "external_study_url": "https://nearer.example/study/x/?PROLIFIC_PID={{%PROLIFIC_PID%}}",
        "prolific_id_option": "url_parameters", "total_available_places": 4, "estimated_completion_time": 3,
        "completion_codes": [{"code": "N1", "code_type": "COMPLETED", "actions": [{"action": "MANUALLY_REVIEW"}]}],
        "device_compatibility": ["desktop"],
    } | overrides


def hand_in(stand_in, study_id: str, who: str = "a" * 24) -> str:
    one = stand_in.account.take(study_id, who)
    stand_in.account.complete(who, "N1")
    return one.id


def test_a_study_is_drafted_published_paused_started_raised_and_stopped(client):
    study = client.create_study(facts())
    assert (study.status, study.reward_cents, study.places, study.codes) == ("UNPUBLISHED", 60, 4, ("N1",))
    for action, status in (("PUBLISH", "ACTIVE"), ("PAUSE", "PAUSED"), ("START", "ACTIVE")):
        client.transition(study.id, action)
        assert client.study(study.id).status == status
    client.set_places(study.id, 6)
    assert client.study(study.id).places == 6
    with pytest.raises(GatewayRefused, match="only be increased"):
        client.set_places(study.id, 5)
    client.transition(study.id, "STOP")
    with pytest.raises(GatewayRefused, match="cannot START"):
        client.transition(study.id, "START")


def test_money_is_read_in_cents_with_its_currency(client, stand_in):
    assert client.balance() == (100_000, 100_000, "USD")
    client.transition(client.create_study(facts()).id, "PUBLISH")
    assert client.balance() == (100_000 - 4 * 80, 100_000, "USD")


def test_a_study_that_costs_more_than_there_is_names_money_as_the_reason(client, stand_in):
    stand_in.account.balance_cents = 100
    study = client.create_study(facts())
    with pytest.raises(InsufficientFunds):
        client.transition(study.id, "PUBLISH")


def test_a_study_is_found_by_its_internal_name_on_any_page(client, stand_in):
    for number in range(PAGE + 3):
        last = stand_in.account.create(facts(internal_name=f"study {number}"))
    assert client.find_study(f"study {PAGE + 2}").id == last["id"]
    assert client.find_study("study none") is None


def test_submissions_come_from_all_pages(client, stand_in):
    study = client.create_study(facts(total_available_places=PAGE + 5))
    client.transition(study.id, "PUBLISH")
    made = [hand_in(stand_in, study.id, f"{number:024x}") for number in range(PAGE + 5)]
    assert [row.id for row in client.submissions(study.id)] == made


def test_a_submission_is_approved_rejected_with_reason_and_category_and_paid_a_bonus(client, stand_in):
    study = client.create_study(facts())
    client.transition(study.id, "PUBLISH")
    first, second = hand_in(stand_in, study.id), hand_in(stand_in, study.id, "b" * 24)
    client.approve(first)
    client.approve(first)  # idempotent there
    assert client.submission(first).status == "APPROVED"
    with pytest.raises(GatewayRefused, match="cannot be REJECTED"):
        client.reject(first, REASON, "LOW_EFFORT")
    with pytest.raises(GatewayRefused, match="100 characters"):
        client.reject(second, "Too short.", "LOW_EFFORT")
    with pytest.raises(GatewayRefused, match="rejection_category"):
        client.reject(second, REASON, "DISLIKE")
    client.reject(second, REASON, "TOO_QUICKLY")
    payment = client.set_up_bonus(study.id, first, Decimal("0.25"))
    assert client.submission(first).bonuses_cents == ()
    client.pay_bonus(payment)
    assert client.submission(first).bonuses_cents == (25,)
    assert stand_in.account.balance_cents == 100_000 - 80 - 33


def test_the_token_goes_along_and_a_wrong_one_is_told_from_other_trouble(client, prolific):
    credentials.save("prolific-lab", "another")
    with pytest.raises(GatewayRefused, match="does not accept the token"):
        Client(prolific).balance()


@pytest.mark.parametrize("content", [None, "{}", "[]", '{"token": 5}', '{"token": "  "}', "no json"])
def test_a_missing_token_says_where_it_belongs(prolific, settings, content):
    file = settings.VAR_DIR / "credentials" / "prolific-lab.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(GatewayRefused, match=r"prolific-lab\.json"):
        Client(prolific)
    Environment.objects.update(credentials="")
    prolific.refresh_from_db()
    with pytest.raises(GatewayRefused, match="credentials"):
        Client(prolific)


@pytest.mark.parametrize("how", [500, 502, 429, "before", "after"])
def test_asking_is_repeated_with_growing_pauses(client, stand_in, slept, how):
    stand_in.fail("GET", "balance", how, times=3)
    assert client.balance()[0] == 100_000
    assert len(slept) == 3 and all(0.25 <= wait <= 0.75 * 2**n for n, wait in enumerate(slept, start=0))


def test_asking_gives_up_in_the_end_and_says_that_a_retry_helps(client, stand_in, slept):
    stand_in.fail("GET", "balance", 503, times=99)
    with pytest.raises(GatewayUnavailable, match="status 503"):
        client.balance()
    assert len(slept) == 3


def test_a_wish_for_patience_is_followed_or_passed_on(client, stand_in, slept):
    stand_in.fail("GET", "balance", 429, retry_after="7")
    client.balance()
    assert slept == [7.0]
    stand_in.fail("GET", "balance", 429, retry_after="600")
    with pytest.raises(GatewayUnavailable) as error:
        client.balance()
    assert error.value.wait_s == 600.0


@pytest.mark.parametrize("how", [500, "before", "after"])
def test_telling_is_never_repeated_by_itself_unless_it_was_turned_away(client, stand_in, how):
    stand_in.fail("POST", "^studies/$", how)
    with pytest.raises(GatewayUnavailable):
        client.create_study(facts())
    assert stand_in.asked.count(("POST", "studies/")) == 1


def test_telling_that_was_turned_away_as_too_much_is_told_again(client, stand_in):
    stand_in.fail("POST", "^studies/$", 429, times=2)
    client.create_study(facts())
    assert len(stand_in.account.studies) == 1


def test_a_place_that_is_not_there_is_unavailable(prolific, stand_in, slept):
    prolific.endpoint_url = "http://127.0.0.1:9/api/v1/"
    with pytest.raises(GatewayUnavailable, match="does not answer"):
        Client(prolific, sleep=slept.append).create_study(facts())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"reward": 10}, "cents an hour"), ({"reward": "60"}, "whole number"), ({"completion_codes": []}, "at least one code"),
        ({"external_study_url": "https://x.example/"}, "PROLIFIC_PID"), ({"colour": "green"}, "is not known"),
        ({"estimated_completion_time": 0}, "above 0"), ({"description": ""}, "must be text"),
    ],
)  # fmt: skip
def test_the_stand_in_refuses_what_prolific_would(client, change, complaint):
    with pytest.raises(GatewayRefused, match=complaint):
        client.create_study(facts(**change))
