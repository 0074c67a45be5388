"""The worker's way over plain HTTP, as a script would go it."""

import re

from django.test import Client

from crowd.marketplace import accounts
from tests.crowd.marketplace.makers import accept, submit


def test_a_worker_joins_accepts_hands_in_and_is_paid(mturk, make_hit):
    hit = make_hit()
    [token] = accounts.invite()
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(f"/marketplace/join/{token}/").content.decode()
    csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    browser.post(
        f"/marketplace/join/{token}/",
        {"csrfmiddlewaretoken": csrf, "username": "ana", "password": "correct horse", "country": "US"},
    )
    listing = browser.get("/marketplace/").content.decode()
    assert "Which is closer?" in listing and "2 HIT" not in listing
    browser.post(f"/marketplace/hits/{hit['HITId']}/accept/", headers={"X-CSRFToken": browser.cookies["csrftoken"].value})
    state = browser.get(f"/marketplace/hits/{hit['HITId']}/state/").json()
    assert state["state"] == "Accepted"
    assert f"assignmentId={state['assignmentId']}" in state["frameUrl"]

    frame = Client(enforce_csrf_checks=True)  # the task's page brings no cookie
    answer = {"assignmentId": state["assignmentId"], "choice": "left", "comment": "fine & <well>"}
    assert frame.post("/marketplace/mturk/externalSubmit", answer).status_code == 200

    [assignment] = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
    assert assignment["AssignmentStatus"] == "Submitted"
    assert "<FreeText>fine &amp; &lt;well&gt;</FreeText>" in assignment["Answer"]
    mturk.approve_assignment(AssignmentId=assignment["AssignmentId"])
    balance = mturk.get_account_balance()
    assert (balance["AvailableBalance"], balance["OnHoldBalance"]) == ("99.76", "0.12")
    assert "$0.10" in browser.get("/marketplace/earnings/").content.decode()


def test_every_page_of_a_worker_opens(worker_client, make_hit):
    ana, hit = worker_client("ana"), make_hit()
    assert ana.get(f"/marketplace/hits/{hit['HITId']}/preview/").status_code == 200
    accept(ana, hit)
    assert ana.get(f"/marketplace/hits/{hit['HITId']}/work/").status_code == 200
    submit(ana, accept(ana, hit))
    for name in ["", "mine/", "earnings/", "messages/", "qualifications/", "account/", f"hits/{hit['HITId']}/done/"]:
        assert ana.get(f"/marketplace/{name}").status_code == 200, name
