"""An expert comes by a personal link, does every task at their own pace, and nobody else can."""

import pytest
from django.core import mail
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from annotation.models import Task, Vote
from crowd import reconciling
from crowd.models import Assignment, Campaign, Invitation, Payment, Worker
from crowd.visits import guessing
from crowd.ways import invitation as invitations
from crowd.ways.base import CannotOffer
from tests.crowd.offers import make_campaign, make_hit
from tests.crowd.ways.people import Kind, data_of, make_open_campaign, why_of, work_through

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture(autouse=True)
def _no_guesses_so_far():
    cache.clear()


def path_of(invitation: Invitation, end: str = "") -> str:
    return f"/task/invited/{invitations.token_of(invitation)}/{end}"


def invite(campaign: Campaign, name: str = "Ada", **overrides) -> Invitation:
    return invitations.invite(campaign, name=name, **overrides)


def do_next(client, invitation: Invitation) -> dict:
    data = data_of(client.get(path_of(invitation, "task/")))
    work_through(client, data)
    return data


def test_an_expert_does_all_tasks_one_after_the_other_and_the_votes_count_at_once(client):
    campaign = make_open_campaign(3, kind=Kind.INVITATION)
    ada = invite(campaign)
    for done in range(3):
        assert f"{done} of 3 tasks done" in client.get(path_of(ada)).content.decode()
        data = do_next(client, ada)
        assert data["submit"] == {"kind": "next", "method": "get", "url": path_of(ada), "fields": {}}
    assert "All tasks are done" in client.get(path_of(ada)).content.decode()
    assert Vote.objects.verified().count() == 6
    assert set(Payment.objects.values_list("amount_usd", flat=True)) == {0}
    assert client.get(path_of(ada, "task/"))["Location"] == path_of(ada)
    reconciling.reconcile(campaign)
    assert Vote.objects.verified().count() == 6
    assert set(Assignment.objects.values_list("state", flat=True)) == {"approved"}


def test_a_task_that_was_begun_goes_on_from_any_device_and_after_a_week(client):
    campaign = make_open_campaign(2, kind=Kind.INVITATION)
    ada = invite(campaign)
    first = data_of(client.get(path_of(ada, "task/")))
    Task.objects.update(expires_at=timezone.now() - timezone.timedelta(days=30))
    Assignment.objects.update(state="unsubmitted")
    again = data_of(client.get(path_of(ada, "task/")))
    assert again["task"] == first["task"] and again["stage"] == "work"
    assert again["epoch"] == first["epoch"] + 1


def test_everybody_who_is_invited_answers_every_task(client):
    campaign = make_open_campaign(2, kind=Kind.INVITATION, places=1)
    people = [invite(campaign, name) for name in ("Ada", "Bob", "Eve")]
    assert set(campaign.hits.values_list("max_assignments", flat=True)) == {3}
    for person in people:
        for _ in range(2):
            do_next(client, person)
    assert {pair.votes.count() for hit in campaign.hits.all() for pair in hit.pairs.all()} == {3}


def test_opening_the_link_changes_nothing_only_a_task_does(client):
    ada = invite(make_open_campaign(1, kind=Kind.INVITATION))
    client.get(path_of(ada))
    ada.refresh_from_db()
    assert ada.opened_at is None and not Assignment.objects.exists()
    client.get(path_of(ada, "task/"))
    ada.refresh_from_db()
    assert ada.opened_at is not None


def test_a_revoked_link_opens_nothing_and_keeps_what_was_answered(client):
    campaign = make_open_campaign(2, kind=Kind.INVITATION)
    ada, bob = invite(campaign), invite(campaign, "Bob")
    do_next(client, ada)
    for person in (ada, bob):
        invitations.revoke(person)
        response = client.get(path_of(person, "task/"))
        assert response.status_code == 410 and why_of(response) == "revoked"
    assert Vote.objects.count() == 2
    assert set(campaign.hits.values_list("max_assignments", flat=True)) == {1}


def test_a_new_link_replaces_the_old_and_goes_on_where_one_was(client):
    campaign = make_open_campaign(1, kind=Kind.INVITATION)
    ada = invite(campaign)
    old = path_of(ada, "task/")
    task = data_of(client.get(old))["task"]
    invitations.revoke(ada)
    invitations.renew(ada)
    assert client.get(old).status_code == 404
    assert data_of(client.get(path_of(ada, "task/")))["task"] == task


def test_the_same_address_is_the_same_person_in_all_campaigns():
    campaign = make_open_campaign(1, kind=Kind.INVITATION)
    other = make_campaign(dataset=campaign.dataset, environment=campaign.environment)
    make_hit(list(campaign.hits.get().pairs.all()), campaign=other)
    one = invite(campaign, email="ada@example.org")
    assert invite(campaign, "Ada L.", email="ADA@example.org").pk == one.pk
    assert invite(other, email="Ada@Example.org").worker == one.worker
    assert invite(other, "Ada").worker != one.worker  # a name alone says little
    assert Worker.objects.count() == 2


def test_inviting_somebody_more_opens_a_finished_campaign_again():
    campaign = make_open_campaign(1, kind=Kind.INVITATION, state="finished")
    invite(campaign)
    campaign.refresh_from_db()
    assert campaign.state == "collecting"
    Campaign.objects.update(state="archived")
    with pytest.raises(CannotOffer, match="archived"):
        invite(campaign, "Bob")


@pytest.mark.parametrize("state", ["draft", "paused", "finished"])
def test_while_nothing_is_asked_the_page_says_so(client, state):
    ada = invite(make_open_campaign(1, kind=Kind.INVITATION))
    Campaign.objects.update(state=state)
    page = client.get(path_of(ada)).content.decode()
    assert ("ended" if state == "finished" else "a break") in page and "Begin" not in page
    assert why_of(client.get(path_of(ada, "task/"))) == ("ended" if state == "finished" else "paused")


def test_the_link_is_a_secret(client, settings):
    ada = invite(make_open_campaign(1, kind=Kind.INVITATION))
    token = invitations.token_of(ada)
    assert len(token) >= 48 and token[16:] not in str(Invitation.objects.values())
    for path in (path_of(ada), path_of(ada, "task/")):
        response = client.get(path)
        assert response["Referrer-Policy"] == "no-referrer" and response["X-Frame-Options"] == "DENY"
        assert "no-store" in response["Cache-Control"] and "noindex" in response["X-Robots-Tag"]
        assert not response.cookies
    settings.SECRET_KEY = "another"
    assert client.get(path_of(ada).replace(invitations.token_of(ada), token)).status_code == 404


@pytest.mark.parametrize(
    "change",
    [lambda t: t[:-1], lambda t: t + "0", lambda t: "0" * 16 + t[16:], lambda t: t[:-1] + ("0" if t[-1] != "0" else "1")],
)
def test_a_changed_link_opens_nothing(client, change):
    token = invitations.token_of(invite(make_open_campaign(1, kind=Kind.INVITATION)))
    assert client.get(reverse("invited", args=[change(token)])).status_code == 404


def test_who_guesses_is_made_to_wait_even_with_a_right_link(client):
    ada = invite(make_open_campaign(1, kind=Kind.INVITATION))
    for number in range(guessing.ALLOWED):
        assert client.get(f"/task/invited/{number}/").status_code == 404
    blocked = client.get(path_of(ada))
    assert blocked.status_code == 429 and why_of(blocked) == "too_many" and int(blocked["Retry-After"]) > 0
    assert client.get(path_of(ada), REMOTE_ADDR="10.0.0.9").status_code == 200


def test_the_link_is_mailed(settings):
    settings.PUBLIC_URL = "https://nearer.example"
    ada = invite(make_open_campaign(1, kind=Kind.INVITATION, contact="lab@example.org"), email="ada@example.org")
    invitations.send(ada)
    (letter,) = mail.outbox
    assert letter.to == ["ada@example.org"] and invitations.link_of(ada) in letter.body and "lab@example.org" in letter.body
    ada.refresh_from_db()
    assert ada.sent_at
