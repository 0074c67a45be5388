"""The researcher's pages about visits, Prolific's submissions and invitations."""

import csv
import io

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail

from annotation.models import Pair, Vote
from crowd import experts, reconciling
from crowd.models import Assignment, Campaign, Environment, Invitation, Payment, Worker
from crowd.prolific import credentials
from crowd.visits import completing
from crowd.ways import invitation as invitations
from tests.crowd.ways.people import Kind, address, data_of, finish_visits, make_open_campaign, make_way, work_through
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PARAMETERS = {"requests_per_s": "2", "worker_parameter": "pid", "session_parameter": "visit"}


@pytest.fixture
def panel(client):
    client.force_login(make_user(username="ada"))
    return client


def page_of(campaign: Campaign, page: str) -> str:
    return f"/panel/crowd/campaign/{campaign.pk}/{page}/"


def post(panel, campaign: Campaign, page: str, **data) -> str:
    """What the page says afterwards."""
    response = panel.post(page_of(campaign, page), data, follow=True)
    return " ".join(str(message) for message in response.context["messages"])


def rows_of(response) -> list[dict]:
    return list(csv.DictReader(io.StringIO(response.content.decode())))


def test_visits_wait_until_they_are_confirmed_and_then_count(panel):
    campaign = make_open_campaign(2, places=2)
    ada, *_ = finish_visits(panel, campaign, "ada", "bob", "eve")
    reconciling.reconcile(campaign)
    assert not Vote.objects.verified().exists()
    assert set(Assignment.objects.values_list("state", flat=True)) == {"submitted"}
    assert "1 visit confirmed" in post(panel, campaign, "visits", act="confirm", visit=[ada.pk])
    assert Vote.objects.verified().count() == 2
    ada.refresh_from_db()
    assert ada.state == "approved"
    line = Payment.objects.get()
    assert (line.amount_usd, line.decided_by.username, line.assignment) == (0, "ada", ada)
    assert "2 visits confirmed" in post(panel, campaign, "visits", act="confirm-all")
    assert "0 visits confirmed" in post(panel, campaign, "visits", act="confirm", visit=[ada.pk])
    assert Payment.objects.count() == 3


def test_a_list_from_the_platform_confirms_by_code_visit_or_person(panel):
    campaign = make_open_campaign(2, places=2)
    ada, *_ = finish_visits(panel, campaign, "ada", "bob", "eve")
    listed = f"code;{completing.code_of(ada)}\nv-bob, unknown-one\n"
    said = post(panel, campaign, "visits", act="confirm-listed", listed=listed)
    assert "2 visits confirmed" in said and "Not known here: code, unknown-one" in said
    said = post(panel, campaign, "visits", act="confirm-listed", listed="ada\neve")
    assert "1 visit of the list had been decided before" in said
    assert Vote.objects.verified().count() == 6


def test_a_code_that_all_share_confirms_nobody(panel):
    campaign = make_open_campaign(1, completion_code="SAME")
    finish_visits(panel, campaign, "ada")
    assert "0 visits confirmed" in post(panel, campaign, "visits", act="confirm-listed", listed="SAME")


def test_a_rejected_visit_says_why_and_frees_its_place(panel, client):
    campaign = make_open_campaign(1, places=1)
    (ada,) = finish_visits(panel, campaign, "ada")
    assert "Say why" in post(panel, campaign, "visits", act="reject", visit=[ada.pk], reason=" ")
    assert "1 task rejected" in post(panel, campaign, "visits", act="reject", visit=[ada.pk], reason="No such person there.")
    line = Payment.objects.get()
    assert (line.kind, line.reason, line.decided_by.username) == ("rejection", "No such person there.", "ada")
    finish_visits(panel, campaign, "bob")
    assert Assignment.objects.filter(state="submitted").count() == 1


def test_a_campaign_ends_when_every_place_is_confirmed(panel):
    campaign = make_open_campaign(1, places=2)
    ada, bob = finish_visits(panel, campaign, "ada", "bob")
    post(panel, campaign, "visits", act="reject", visit=[bob.pk], reason="Not known there.")
    post(panel, campaign, "visits", act="confirm", visit=[ada.pk])
    reconciling.reconcile(campaign)
    campaign.refresh_from_db()
    assert campaign.state == "collecting"
    finish_visits(panel, campaign, "eve")
    post(panel, campaign, "visits", act="confirm-all")
    reconciling.reconcile(campaign)
    campaign.refresh_from_db()
    assert campaign.state == "finished"


def test_the_list_to_pay_by_names_people_codes_and_minutes_and_no_formula(panel):
    campaign = make_open_campaign(1, places=3)
    finish_visits(panel, campaign, "person1", "person2")
    Worker.objects.filter(worker_id="person2").update(worker_id="=cmd()")
    response = panel.get(page_of(campaign, "visits-csv"))
    rows = {row["person"]: row for row in rows_of(response)}
    assert set(rows) == {"person1", "'=cmd()"}
    assert rows["person1"]["visit"] == "v-person1" and rows["person1"]["answers"] == "2"
    assert rows["person1"]["code"] == completing.code_of(Assignment.objects.get(worker__worker_id="person1"))
    assert "no-store" in response["Cache-Control"]
    assert "=cmd()" not in panel.get(page_of(campaign, "visits")).content.decode()  # only the list to pay by names people


def test_only_who_may_run_the_campaign_sees_people(client):
    campaign = make_open_campaign(1)
    client.force_login(make_user(is_superuser=False))
    for page in ("visits", "visits-csv", "invitations", "answers-csv"):
        assert client.get(page_of(campaign, page)).status_code in (403, 404)
    client.force_login(make_user())
    assert client.get(page_of(campaign, "invitations")).status_code == 404  # another way


def test_pages_take_few_queries_however_many_people(panel, django_assert_max_num_queries):
    campaign = make_open_campaign(1, places=9)
    finish_visits(panel, campaign, *(f"p{n}" for n in range(8)))
    with django_assert_max_num_queries(20):
        panel.get(page_of(campaign, "visits"))
    other = make_open_campaign(2, kind=Kind.INVITATION)
    for n in range(6):
        invitations.invite(other, name=f"Expert {n}")
    with django_assert_max_num_queries(20):
        panel.get(page_of(other, "invitations"))


def test_people_are_invited_by_name_and_address_and_mistakes_are_told_by_line(panel):
    campaign = make_open_campaign(1, kind=Kind.INVITATION)
    page = panel.post(page_of(campaign, "invitations"), {"act": "invite", "people": "Ada\nnot@an address\n"})
    assert "Line 2" in page.content.decode() and not Invitation.objects.exists()
    said = post(panel, campaign, "invitations", act="invite", people="Ada Lovelace <ada@example.org>\nbob@example.org\n\nEve")
    assert "3 people invited" in said
    assert list(Invitation.objects.values_list("name", "email")) == [
        ("Ada Lovelace", "ada@example.org"), ("bob", "bob@example.org"), ("Eve", ""),
    ]
    shown = panel.get(page_of(campaign, "invitations")).content.decode()
    assert all(invitations.link_of(row) in shown for row in Invitation.objects.all())


def test_links_are_sent_where_a_mail_server_is_set(panel, settings):
    campaign = make_open_campaign(1, kind=Kind.INVITATION)
    settings.SENDS_EMAIL = True
    post(panel, campaign, "invitations", act="invite", people="Ada <ada@example.org>\nBob", send="on")
    assert [letter.to for letter in mail.outbox] == [["ada@example.org"]]
    row = Invitation.objects.get(name="Ada")
    assert "on its way" in post(panel, campaign, "invitations", act="send", invitation=row.pk)
    settings.SENDS_EMAIL = False
    assert "EMAIL_URL" in post(panel, campaign, "invitations", act="send", invitation=row.pk)


def test_a_link_is_revoked_and_renewed(panel):
    campaign = make_open_campaign(1, kind=Kind.INVITATION)
    row = invitations.invite(campaign, name="Ada")
    old = invitations.link_of(row)
    assert "opens nothing" in post(panel, campaign, "invitations", act="revoke", invitation=row.pk)
    assert old not in panel.get(page_of(campaign, "invitations")).content.decode()
    post(panel, campaign, "invitations", act="renew", invitation=row.pk)
    row.refresh_from_db()
    assert row.revoked_at is None and invitations.link_of(row) != old
    invitations.revoke(row)
    assert "deleted" in post(panel, campaign, "invitations", act="forget", invitation=row.pk)
    row.refresh_from_db()
    assert (row.name, row.email) == ("(forgotten)", "") and row.worker.annotator.pseudonym
    assert "not there" in post(panel, campaign, "invitations", act="revoke", invitation=99999)


def answer(client, row: Invitation, choose) -> None:
    """Every task; `choose(pair)` says whether the first is closer."""
    while True:
        response = client.get(f"/task/invited/{invitations.token_of(row)}/task/")
        if response.status_code == 303:
            return
        data = data_of(response)
        work_through(client, data, lambda one: "first" if choose(Pair.objects.get(pk=one["pair"])) else "second")


@pytest.fixture
def two_experts(panel):
    campaign = make_open_campaign(5, kind=Kind.INVITATION)
    ada, bob = (invitations.invite(campaign, name=name) for name in ("Ada", "Bob"))
    pairs = list(Pair.objects.filter(hits__campaign=campaign).order_by("pk"))
    first = {pair.pk: number < 4 for number, pair in enumerate(pairs)}  # four of ten
    differ = {pairs[0].pk, pairs[9].pk}
    answer(panel, ada, lambda pair: first[pair.pk])
    answer(panel, bob, lambda pair: first[pair.pk] != (pair.pk in differ))
    reconciling.reconcile(campaign)
    return campaign, ada, bob, pairs


def test_two_experts_agreement_is_shown_and_downloaded(panel, two_experts):
    campaign, ada, bob, _ = two_experts
    (row,) = experts.agreements(campaign)
    # both said "first" to 4 of 10: expected 0.52, observed 0.8
    assert (row.n, row.raw, round(row.kappa, 4)) == (10, 0.8, round((0.8 - 0.52) / 0.48, 4))
    shown = panel.get(page_of(campaign, "invitations")).content.decode()
    assert "80.0 %" in shown.replace("\xa0", " ") and "0.58" in shown
    rows = rows_of(panel.get(page_of(campaign, "answers-csv")))
    assert len(rows) == 10 and [line["all_agree"] for line in rows].count("no") == 2
    assert {ada.worker.annotator.pseudonym, bob.worker.annotator.pseudonym} < set(rows[0])
    assert "Ada" not in str(rows)


@pytest.mark.parametrize(("whose", "known"), [("all", 8), ("ada", 10)])
def test_experts_answers_become_known_ones_by_an_explicit_act(panel, two_experts, whose, known):
    campaign, ada, _, pairs = two_experts
    assert not Pair.objects.filter(gold_first__isnull=False).exists()
    said = post(panel, campaign, "invitations", act="known", whose="all" if whose == "all" else ada.pk)
    assert f"{known} pairs got a known answer" in said
    assert Pair.objects.filter(gold_first__isnull=False).count() == known
    assert Pair.objects.get(pk=pairs[1].pk).gold_first is True and Pair.objects.get(pk=pairs[8].pk).gold_first is False
    assert "0 pairs got" in post(panel, campaign, "invitations", act="known", whose="all")


@pytest.mark.parametrize(
    ("first", "second", "kappa"),
    [([True, False], [True, False], 1.0), ([True, False], [False, True], -1.0), ([True] * 3, [True] * 3, None), ([], [], None),
     ([True, True, False, False], [True, False, True, False], 0.0)],
)  # fmt: skip
def test_kappa_at_its_limits(first, second, kappa):
    assert experts.cohens_kappa(first, second) == kappa


def test_an_environment_for_prolific_keeps_its_token_in_a_file(panel, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    form = PARAMETERS | {"name": "Prolific lab", "kind": "prolific"}
    page = panel.post("/panel/crowd/environment/add/", form)
    assert "Give the token" in page.content.decode()
    response = panel.post("/panel/crowd/environment/add/", form | {"token": "s3cret"})
    assert response.status_code == 302
    row = Environment.objects.get()
    assert (row.endpoint_url, row.worker_url) == ("https://api.prolific.com/api/v1/", "https://app.prolific.com")
    assert credentials.load(row.credentials) == "s3cret"
    file = tmp_path / "credentials" / f"{row.credentials}.json"
    assert file.stat().st_mode & 0o077 == 0
    assert "s3cret" not in panel.get(f"/panel/crowd/environment/{row.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("javascript:alert(1)", "whole address"), ("https://x.example/?c={cod}", "is not known"),
        ("https://{code}.example/", "whole address"), ("https://x.example/{", "no address"),
    ],
)  # fmt: skip
def test_a_way_back_that_cannot_be_is_refused(panel, url, complaint):
    form = PARAMETERS | {"name": "Connect", "kind": "link", "completion_url": url}
    page = panel.post("/panel/crowd/environment/add/", form)
    assert complaint in page.content.decode() and not Environment.objects.exists()


def test_the_campaigns_page_leads_to_its_people(panel):
    for kind, page in ((Kind.LINK, "visits"), (Kind.INVITATION, "invitations")):
        campaign = make_open_campaign(1, environment=make_way(kind))
        shown = panel.get(f"/panel/crowd/campaign/{campaign.pk}/change/").content.decode()
        assert page_of(campaign, page) in shown
        assert ("pid=…" in shown) == (kind == Kind.LINK)


@pytest.fixture
def study(panel, prolific, stand_in) -> Campaign:
    """A campaign of one place on Prolific, taken by somebody who handed in a code without any answer."""
    campaign = make_open_campaign(1, environment=prolific, places=1, completion_code="N1", reward_usd="0.40")
    made = stand_in.account.create({
        "name": "Ours", "description": "Look", "external_study_url": "http://testserver/?p={{%PROLIFIC_PID%}}", "reward": 40,
        "prolific_id_option": "url_parameters", "total_available_places": 1, "estimated_completion_time": 2,
        "completion_codes": [{"code": "N1", "code_type": "COMPLETED", "actions": [{"action": "MANUALLY_REVIEW"}]}],
    })
    stand_in.account.transition(made["id"], {"action": "PUBLISH"})
    campaign.study_id = made["id"]
    campaign.save()
    return campaign


def test_the_page_of_a_study_says_what_prolific_says_and_asks_for_more_people(panel, study, stand_in):
    assert "0 of 1 taken" in panel.get(page_of(study, "visits")).content.decode()
    stand_in.account.take(study.study_id, "a" * 24)
    stand_in.account.complete("a" * 24, "N1")
    reconciling.reconcile(study)
    shown = panel.get(page_of(study, "visits")).content.decode()
    assert "1 of 1 taken" in shown and "Ask Prolific for 1 more" in shown
    assert "looking for 1 more person" in post(panel, study, "visits", act="replace")
    assert LogEntry.objects.filter(change_message="Asked for 1 more people on Prolific.").exists()
    assert stand_in.account.studies[study.study_id]["total_available_places"] == 2
    assert "No more people are needed" in post(panel, study, "visits", act="replace")
    stand_in.fail("GET", "^studies/", 400)
    assert "Prolific does not say" in panel.get(page_of(study, "visits")).content.decode()


def test_a_submission_is_rejected_with_prolifics_kind_of_reason(panel, study, stand_in):
    one = stand_in.account.take(study.study_id, "a" * 24)
    data = data_of(panel.get(address(study, PROLIFIC_PID="a" * 24, STUDY_ID=study.study_id, SESSION_ID=one.id)))
    work_through(panel, data)
    panel.post("/task/done/", data["submit"]["fields"])
    row = Assignment.objects.get()
    reason = "All answers were given within a second, before any picture was shown. " * 2
    stand_in.account.complete("a" * 24, "N1")
    assert "Choose what kind" in post(panel, study, "visits", act="reject", visit=[row.pk], reason=reason)
    said = post(panel, study, "visits", act="reject", visit=[row.pk], reason="Too fast.", category="TOO_QUICKLY")
    assert "at least 100 characters" in said
    said = post(panel, study, "visits", act="reject", visit=[row.pk], reason=reason, category="TOO_QUICKLY")
    assert "1 task rejected" in said
    assert (one.status, one.category) == ("REJECTED", "TOO_QUICKLY")
    row.refresh_from_db()
    assert row.state == "rejected" and row.feedback == reason.strip()
