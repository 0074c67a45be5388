"""The worker's way over plain HTTP, as a script would go it, and who may not go it."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from crowd.marketplace import accounts, questions
from crowd.marketplace.models import Invitation, Requester, Worker
from tests.crowd.marketplace.makers import accept, html_question, question, sign_in, submit, work
from tests.factories import make_user

pytestmark = pytest.mark.once

JOIN = {"username": "ana", "password": "correct horse", "country": "US"}


def test_a_worker_joins_accepts_hands_in_and_is_paid(mturk, make_hit):
    hit = make_hit()
    [token] = accounts.invite()
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(f"/marketplace/join/{token}/").content.decode()
    csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    browser.post(f"/marketplace/join/{token}/", {"csrfmiddlewaretoken": csrf} | JOIN)
    assert "Which is closer?" in browser.get("/marketplace/").content.decode()
    browser.post(f"/marketplace/hits/{hit['HITId']}/accept/", headers={"X-CSRFToken": browser.cookies["csrftoken"].value})
    state = browser.get(f"/marketplace/hits/{hit['HITId']}/state/").json()
    assert state["state"] == "Accepted"

    frame = Client(enforce_csrf_checks=True)  # the task's page brings no cookie
    answer = {"assignmentId": state["assignmentId"], "choice": "left"}
    assert frame.post("/marketplace/mturk/externalSubmit", answer).status_code == 200

    [assignment] = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
    mturk.approve_assignment(AssignmentId=assignment["AssignmentId"])
    assert "$0.10" in browser.get("/marketplace/earnings/").content.decode()


def test_the_frame_gets_mechanical_turks_parameters_and_the_page_may_frame_its_origin_alone(
    make_hit, worker_client, settings
):
    hit, ana = make_hit(), worker_client("ana")
    preview = ana.get(f"/marketplace/hits/{hit['HITId']}/preview/")
    expected = f"https://task.example/page?hit=1&amp;lang=en&amp;assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&amp;hitId={hit['HITId']}"
    assert f'src="{expected}"' in preview.content.decode()
    assert "frame-src 'self' https://task.example;" in preview["Content-Security-Policy"] + ";"
    assignment = accept(ana, hit)
    state = ana.get(f"/marketplace/hits/{hit['HITId']}/state/").json()
    assert state["frameUrl"] == (
        f"https://task.example/page?hit=1&lang=en&assignmentId={assignment}&hitId={hit['HITId']}"
        f"&workerId={ana.worker.worker_id}&turkSubmitTo={settings.MARKETPLACE_URL.replace(':', '%3A').replace('/', '%2F')}"
    )
    working = ana.get(f"/marketplace/hits/{hit['HITId']}/work/")
    assert working["X-Frame-Options"] == "DENY" and "frame-ancestors 'none'" in working["Content-Security-Policy"]
    answer = submit(ana, assignment)
    assert answer["X-Frame-Options"] == "SAMEORIGIN" and "frame-ancestors 'self'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/t", "http://localhost:9/t", "http://lab.example:8000/t"])
def test_plain_http_is_framed_from_this_machine_and_from_the_marketplaces_own_address(settings, url):
    settings.MARKETPLACE_URL = "http://lab.example:8000/marketplace"
    assert questions.read_question(question(url)).url == url


def test_an_invitation_is_for_one_person_and_brings_its_record(client, db):
    [token] = accounts.invite(approved_before=150)
    assert client.post(f"/marketplace/join/{token}/", JOIN).status_code == 302
    assert Worker.objects.get().approved_before == 150
    assert Invitation.objects.get().worker.username == "ana"
    second = Client().post(f"/marketplace/join/{token}/", JOIN | {"username": "ben"})
    assert second.status_code == 403 and Worker.objects.count() == 1


def test_without_an_invitation_nobody_joins_unless_sign_up_is_open(client, db, settings):
    assert client.post("/marketplace/join/", JOIN).status_code == 403
    assert client.get("/marketplace/join/guess/").status_code == 404
    settings.MARKETPLACE_OPEN_SIGNUP = True
    assert client.post("/marketplace/join/", JOIN).status_code == 302
    assert Worker.objects.get().username == "ana"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"username": "A B"}, "small letters"),
        ({"username": "taken"}, "already exists"),
        ({"password": "short"}, "8 characters"),
        ({"password": "password"}, "too common"),
        ({"country": "XX"}, "valid choice"),
    ],
)
def test_a_form_says_what_is_wrong_with_it(client, db, wrong, complaint):
    accounts.make_worker("taken", "correct horse")
    [token] = accounts.invite()
    page = client.post(f"/marketplace/join/{token}/", JOIN | wrong)
    assert page.status_code == 400 and complaint in page.content.decode()
    assert not Invitation.objects.get().used_at


def test_strangers_are_sent_to_sign_in_and_come_back(client, make_hit):
    hit = make_hit()
    path = f"/marketplace/hits/{hit['HITId']}/preview/"
    accounts.make_worker("ana", "correct horse")
    there = client.get(path)
    assert there.status_code == 302
    back = client.post(there["Location"], {"username": "ana", "password": "correct horse", "next": path})
    assert back["Location"] == path
    outside = Client().post("/marketplace/signin/", {**JOIN, "next": "https://evil.example/"})
    assert outside["Location"] == "/marketplace/"
    for name in ("mine/", "earnings/", "messages/", "qualifications/", "account/", "hits.json"):
        assert Client().get(f"/marketplace/{name}").status_code == 302, name


def test_guessing_passwords_has_to_wait(client, db, clock):
    accounts.make_worker("ana", "correct horse")
    for _ in range(6):
        assert sign_in(client, "ana", "wrong").status_code == 400
    refused = sign_in(client, "ana")
    assert refused.status_code == 400 and "Too many attempts" in refused.content.decode()
    clock.shift(10)
    assert sign_in(client, "ana").status_code == 302


def test_a_worker_reaches_neither_the_panel_nor_another_workers_assignment(make_hit, worker_client):
    hit, ana, ben = make_hit(), worker_client("ana"), worker_client("ben")
    assert ana.get("/panel/").status_code == 302
    assert "/panel/login" in ana.get("/panel/")["Location"]
    accept(ana, hit)
    assert ben.get(f"/marketplace/hits/{hit['HITId']}/state/").json()["assignmentId"] is None
    ben.post(f"/marketplace/hits/{hit['HITId']}/return/")
    assert ana.worker.assignments.get().state == "Accepted"


def test_a_new_password_ends_the_other_sessions(worker_client):
    here, there = worker_client("ana"), Client()
    sign_in(there, "ana")
    wrong = here.post("/marketplace/account/", {"old": "guess", "new": "battery staple"})
    assert wrong.status_code == 400
    here.post("/marketplace/account/", {"old": "correct horse", "new": "battery staple"})
    assert here.get("/marketplace/mine/").status_code == 200
    assert there.get("/marketplace/mine/").status_code == 302


def test_signing_out_ends_the_session_and_shutting_out_too(worker_client):
    ana, ben = worker_client("ana"), worker_client("ben")
    ana.post("/marketplace/signout/")
    Worker.objects.filter(username="ben").update(is_active=False)
    assert [c.get("/marketplace/mine/").status_code for c in (ana, ben)] == [302, 302]
    assert sign_in(ben, "ben").status_code == 400


def test_a_closed_account_forgets_the_person_and_keeps_the_books(mturk, make_hit, worker_client):
    ana, hit, other = worker_client("ana"), make_hit(), make_hit(MaxAssignments=1)
    done, in_work = work(ana, hit), accept(ana, other)
    ana.post("/marketplace/account/close/")
    worker = Worker.objects.get()
    assert (worker.username, worker.country, worker.is_active) == (f"closed-{worker.pk}", "ZZ", False)
    assert ana.get("/marketplace/mine/").status_code == 302
    assert sign_in(Client(), "ana").status_code == sign_in(Client(), worker.username).status_code == 400
    mturk.approve_assignment(AssignmentId=done)
    assert mturk.get_hit(HITId=other["HITId"])["HIT"]["NumberOfAssignmentsAvailable"] == 1
    assert worker.assignments.get(assignment_id=in_work).state == "Returned"


def test_the_next_hit_of_a_kind_is_the_oldest_one_left(make_hit, worker_client):
    hits, ana = [make_hit(MaxAssignments=1) for _ in range(3)], worker_client("ana")
    group = f"/marketplace/groups/{hits[0]['HITGroupId']}/accept/"
    accept(worker_client("ben"), hits[0])
    assert hits[1]["HITId"] in ana.post(group)["Location"]
    assert hits[2]["HITId"] in ana.post(group)["Location"]
    assert ana.post(group)["Location"] == "/marketplace/"


def test_the_list_can_be_searched_and_ordered(make_hit, worker_client):
    make_hit(Title="Knees and wrists", Reward="0.05")
    make_hit(Title="Heads", Reward="0.50", Description="Which head is nearer?")
    ana = worker_client("ana")

    def titles(query: str) -> list[str]:
        return re.findall(r"<h2>([^<]+)</h2>", ana.get(f"/marketplace/?{query}").content.decode())

    assert titles("q=knee") == ["Knees and wrists"]
    assert titles("q=nearer") == ["Heads"]
    assert titles("order=reward") == ["Heads", "Knees and wrists"]
    assert titles("q=nonsense") == ["Nothing found for “nonsense”"]


def test_the_pages_keep_to_one_language_whatever_the_browser_asks_for(client, db):
    page = client.post("/marketplace/signin/", {}, headers={"Accept-Language": "de"})
    assert "This field is required." in page.content.decode() and page["Content-Language"] == "en"


def test_what_a_requester_writes_is_shown_as_text(make_hit, worker_client):
    make_hit(Title="<script>alert(1)</script>")
    assert "<script>alert" not in worker_client("ana").get("/marketplace/").content.decode()


def test_the_panel_shows_the_marketplace_and_lets_nobody_change_an_account(mturk, make_hit, worker_client, client):
    mturk.approve_assignment(AssignmentId=work(worker_client("ana"), make_hit()))
    client.force_login(make_user())
    for model in ("requester", "accesskey", "entry", "hit", "hittype", "assignment", "worker", "invitation", "notification"):
        assert client.get(f"/panel/marketplace/{model}/").status_code == 200, model
    key = client.get(f"/panel/marketplace/accesskey/{Requester.objects.get().access_keys.get().pk}/change/")
    assert "secret" not in key.content.decode().lower()
    assert client.post("/panel/marketplace/entry/1/delete/", {"post": "yes"}).status_code == 403
    assert client.post("/panel/marketplace/requester/add/", {"name": "x"}).status_code == 403


def test_the_command_opens_accounts_deposits_and_invites(db, capsys, settings):
    settings.MARKETPLACE_URL = "https://lab.example/marketplace"
    call_command("marketplace", "requester", "a lab", "--deposit", "10")
    assert "https://lab.example/marketplace/api" in capsys.readouterr().out
    call_command("marketplace", "deposit", "a lab", "2.50", "--note", "for March")
    assert "a lab: $12.50 available" in capsys.readouterr().out
    call_command("marketplace", "invite", "3", "--approved-before", "100")
    links = capsys.readouterr().out.split()
    assert len(links) == 3 and links[0].startswith("https://lab.example/marketplace/join/")
    call_command("marketplace", "requester", "a lab", "--new-key")
    call_command("marketplace", "tick")
    assert Requester.objects.get().access_keys.filter(is_active=True).count() == 1
    for wrong, complaint in [
        (["deposit", "nobody", "1"], "no requester 'nobody'"), (["deposit", "a lab", "1.005"], "no amount of money"),
        (["deposit", "a lab", "0"], "above 0"), (["invite", "0"], "1 to 10000"),
    ]:
        with pytest.raises(CommandError, match=complaint):
            call_command("marketplace", *wrong)


def test_the_html_of_a_hit_is_served_to_workers_alone_and_in_a_sandbox(mturk, make_hit, worker_client):
    asked = [{"QualificationTypeId": "00000000000000000040", "Comparator": "GreaterThan", "IntegerValues": [5]}]
    hit = make_hit(Question=html_question("<p>Hello</p>"))
    guarded = make_hit(
        Question=html_question("<p>Secret</p>"), QualificationRequirements=[asked[0] | {"ActionsGuarded": "PreviewAndAccept"}]
    )
    ana, pages = worker_client("ana"), [f"/marketplace/hits/{h['HITId']}/page/" for h in (hit, guarded, make_hit())]
    served = ana.get(pages[0])
    assert served.content == b"<p>Hello</p>"
    policy = served["Content-Security-Policy"]
    assert policy.startswith("sandbox ") and "allow-same-origin" not in policy and served["X-Frame-Options"] == "SAMEORIGIN"
    assert [ana.get(page).status_code for page in pages[1:]] == [404, 404]
    assert Client().get(pages[0]).status_code == 302
