"""States and clocks: what is on offer, in work, to be reviewed, over."""

from datetime import UTC, datetime, timedelta

import pytest

from crowd.marketplace import accounts, assignments, clocks, hits
from crowd.marketplace.errors import Refused
from crowd.marketplace.ids import new_entity_id
from crowd.marketplace.models import Assignment, Hit, HitType, Notification, Worker
from crowd.marketplace.tasks import tick
from tests.crowd.marketplace.makers import QUESTION, accept, submit, work

pytestmark = pytest.mark.once

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def told(mturk, hit) -> tuple:
    """Status, pending, available, completed."""
    hit = mturk.get_hit(HITId=hit["HITId"])["HIT"]
    return (hit["HITStatus"], *(hit[f"NumberOfAssignments{name}"] for name in ("Pending", "Available", "Completed")))


def error_code(error) -> str:
    return error.value.response["TurkErrorCode"].removeprefix("AWS.MechanicalTurk.")


def test_a_hit_is_told_back_as_it_was_created(mturk, make_hit, clock):
    hit = make_hit(RequesterAnnotation="campaign 7, HIT 3", Keywords="a, b")
    assert hit == mturk.get_hit(HITId=hit["HITId"])["HIT"] == mturk.list_hits()["HITs"][0]
    assert hit["CreationTime"] == NINE and hit["Expiration"] == NINE + timedelta(hours=1)
    assert (hit["Reward"], hit["RequesterAnnotation"]) == ("0.10", "campaign 7, HIT 3")
    assert hit["HITReviewStatus"] == "NotReviewed"


def test_the_status_follows_the_assignments(mturk, make_hit, worker_client, clock):
    hit, ana, ben = make_hit(), worker_client("ana"), worker_client("ben")
    assert told(mturk, hit) == ("Assignable", 0, 2, 0)
    first = accept(ana, hit)
    assert told(mturk, hit) == ("Assignable", 1, 1, 0)
    second = accept(ben, hit)
    assert told(mturk, hit) == ("Unassignable", 2, 0, 0)
    submit(ana, first)
    assert told(mturk, hit) == ("Unassignable", 1, 0, 0)
    submit(ben, second)
    assert told(mturk, hit) == ("Reviewable", 0, 0, 0)
    assert [h["HITId"] for h in mturk.list_reviewable_hits()["HITs"]] == [hit["HITId"]]
    mturk.approve_assignment(AssignmentId=first)
    mturk.reject_assignment(AssignmentId=second, RequesterFeedback="All left.")
    assert told(mturk, hit) == ("Reviewable", 0, 0, 2)


def test_a_hit_with_one_place_goes_to_one_worker(make_hit, worker_client):
    hit = make_hit(MaxAssignments=1)
    ana, ben = worker_client("ana"), worker_client("ben")
    accept(ana, hit)
    ben.post(f"/marketplace/hits/{hit['HITId']}/accept/")
    assert Assignment.objects.get().worker == ana.worker
    assert "Nothing to do" in ben.get("/marketplace/").content.decode()


def test_accepting_twice_is_one_assignment_and_a_hit_done_is_not_offered_again(make_hit, worker_client):
    hit, ana = make_hit(), worker_client("ana")
    assert accept(ana, hit) == accept(ana, hit)
    submit(ana, accept(ana, hit))
    ana.post(f"/marketplace/hits/{hit['HITId']}/accept/")
    assert Assignment.objects.count() == 1
    assert ana.get("/marketplace/hits.json").json() == {"hits": []}


def test_who_returns_a_hit_frees_its_place_and_cannot_hand_it_in(mturk, make_hit, worker_client):
    hit, ana, ben = make_hit(MaxAssignments=1), worker_client("ana"), worker_client("ben")
    given_back = accept(ana, hit)
    ana.post(f"/marketplace/hits/{hit['HITId']}/return/")
    assert told(mturk, hit) == ("Assignable", 0, 1, 0)
    assert "returned" in submit(ana, given_back).content.decode()
    assert work(ben, hit) != given_back
    assert [a["WorkerId"] for a in mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]] == [ben.worker.worker_id]


def test_time_runs_out_at_the_deadline_even_if_no_clock_ticks(mturk, make_hit, worker_client, clock):
    hit, ana = make_hit(AssignmentDurationInSeconds=600), worker_client("ana")
    late = accept(ana, hit)
    clock.shift(599)
    assert ana.get(f"/marketplace/hits/{hit['HITId']}/state/").json()["secondsLeft"] == 1
    clock.shift(1)
    answer = submit(ana, late)
    assert answer.status_code == 400 and "time for this HIT had run out" in answer.content.decode()
    assert Assignment.objects.get().state == "Abandoned"
    assert told(mturk, hit) == ("Assignable", 0, 2, 0)
    assert "Time ran out" in ana.get(f"/marketplace/hits/{hit['HITId']}/done/").content.decode()
    assert work(ana, hit) != late


def test_after_its_lifetime_a_hit_is_reviewable_once_nobody_works_on_it(mturk, make_hit, worker_client, clock):
    hit, ana = make_hit(LifetimeInSeconds=300), worker_client("ana")
    in_work = accept(ana, hit)
    clock.shift(300)
    assert told(mturk, hit) == ("Unassignable", 1, 0, 0)
    assert submit(ana, in_work).status_code == 200
    assert told(mturk, hit) == ("Reviewable", 0, 0, 0)
    ben = worker_client("ben")
    ben.post(f"/marketplace/hits/{hit['HITId']}/accept/")
    assert Assignment.objects.count() == 1


def test_an_expired_hit_that_is_extended_is_on_offer_again(mturk, make_hit, clock):
    hit = make_hit()
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=NINE - timedelta(days=1))
    assert told(mturk, hit)[0] == "Reviewable"
    assert mturk.get_account_balance()["OnHoldBalance"] == "0.00"
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=NINE + timedelta(days=1))
    assert told(mturk, hit) == ("Assignable", 0, 2, 0)
    assert mturk.get_account_balance()["OnHoldBalance"] == "0.24"


def test_more_places_put_a_finished_hit_on_offer_again(mturk, make_hit, worker_client):
    hit = make_hit(MaxAssignments=1)
    work(worker_client("ana"), hit)
    mturk.create_additional_assignments_for_hit(HITId=hit["HITId"], NumberOfAdditionalAssignments=3)
    assert told(mturk, hit) == ("Assignable", 0, 3, 0)


def test_nine_assignments_cannot_become_ten_but_ten_can_become_eleven(mturk, make_hit):
    nine, ten = make_hit(MaxAssignments=9), make_hit(MaxAssignments=10)
    with pytest.raises(mturk.exceptions.RequestError) as error:
        mturk.create_additional_assignments_for_hit(HITId=nine["HITId"], NumberOfAdditionalAssignments=1)
    assert error_code(error) == "InvalidMaximumAssignmentsIncrease"
    mturk.create_additional_assignments_for_hit(HITId=ten["HITId"], NumberOfAdditionalAssignments=1)
    assert mturk.get_hit(HITId=ten["HITId"])["HIT"]["MaxAssignments"] == 11


def test_review_status_goes_to_reviewing_and_back(mturk, make_hit, worker_client):
    hit = make_hit(MaxAssignments=1)
    with pytest.raises(mturk.exceptions.RequestError, match="status of: Reviewable"):
        mturk.update_hit_review_status(HITId=hit["HITId"])
    work(worker_client("ana"), hit)
    mturk.update_hit_review_status(HITId=hit["HITId"])
    assert told(mturk, hit)[0] == "Reviewing"
    assert mturk.list_reviewable_hits()["HITs"] == []
    assert len(mturk.list_reviewable_hits(Status="Reviewing", HITTypeId=hit["HITTypeId"])["HITs"]) == 1
    mturk.update_hit_review_status(HITId=hit["HITId"], Revert=True)
    assert told(mturk, hit)[0] == "Reviewable"


def test_a_hit_is_deleted_only_when_all_is_decided(mturk, make_hit, worker_client, clock):
    hit, ana, ben = make_hit(), worker_client("ana"), worker_client("ben")
    in_work, done = accept(ana, hit), work(ben, hit)
    for step in (lambda: None, lambda: mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=NINE)):
        step()
        with pytest.raises(mturk.exceptions.RequestError) as error:
            mturk.delete_hit(HITId=hit["HITId"])
        assert error_code(error) == "InvalidHITState"
    ana.post(f"/marketplace/hits/{hit['HITId']}/return/")
    with pytest.raises(mturk.exceptions.RequestError, match="neither approved nor rejected"):
        mturk.delete_hit(HITId=hit["HITId"])
    mturk.reject_assignment(AssignmentId=done, RequesterFeedback="Not done.")
    mturk.delete_hit(HITId=hit["HITId"])
    mturk.delete_hit(HITId=hit["HITId"])
    assert mturk.list_hits()["HITs"] == [] and told(mturk, hit)[0] == "Disposed"
    with pytest.raises(mturk.exceptions.RequestError, match="cannot be reversed"):
        mturk.approve_assignment(AssignmentId=done, OverrideRejection=True)
    with pytest.raises(mturk.exceptions.RequestError, match="deleted"):
        mturk.create_additional_assignments_for_hit(HITId=hit["HITId"], NumberOfAdditionalAssignments=1)
    assert in_work != done


def test_assignments_can_be_listed_by_status_and_read_one_by_one(mturk, make_hit, worker_client, clock):
    hit = make_hit(MaxAssignments=4)
    ids = [work(worker_client(name), hit, answer=name) for name in ("ana", "ben", "cem")]
    accept(worker_client("dia"), hit)
    mturk.approve_assignment(AssignmentId=ids[0], RequesterFeedback="Thank you!")
    mturk.reject_assignment(AssignmentId=ids[1], RequesterFeedback="All left.")

    def listed(**filters):
        return [a["AssignmentId"] for a in mturk.list_assignments_for_hit(HITId=hit["HITId"], **filters)["Assignments"]]

    assert listed() == ids
    assert listed(AssignmentStatuses=["Submitted"]) == ids[2:]
    assert listed(AssignmentStatuses=["Approved", "Rejected"]) == ids[:2]
    one = mturk.get_assignment(AssignmentId=ids[0])
    assert one["HIT"]["HITId"] == hit["HITId"]
    assert one["Assignment"]["AssignmentStatus"] == "Approved" and one["Assignment"]["ApprovalTime"] == NINE
    assert one["Assignment"]["RequesterFeedback"] == "Thank you!"
    assert one["Assignment"]["AutoApprovalTime"] == NINE + timedelta(days=1)
    assert one["Assignment"]["Deadline"] == NINE + timedelta(minutes=15)


def test_three_hundred_assignments_come_in_pages(mturk, make_hit):
    hit = Hit.objects.get(hit_id=make_hit(MaxAssignments=300)["HITId"])
    workers = Worker.objects.bulk_create(Worker(username=f"worker{n}", password="!", country="US") for n in range(300))
    now = hit.created_at
    Assignment.objects.bulk_create(
        Assignment(
            hit=hit, worker=worker, state="Submitted", reward_usd=hit.reward_usd, fee_usd=hit.fee_usd, accepted_at=now,
            deadline=now + timedelta(minutes=15), submitted_at=now, auto_approve_at=now + timedelta(days=1), answer="<a/>",
        )
        for worker in workers
    )
    pages = list(
        mturk.get_paginator("list_assignments_for_hit").paginate(HITId=hit.hit_id, PaginationConfig={"PageSize": 100})
    )
    assert [page["NumResults"] for page in pages] == [100, 100, 100]
    assert len({a["WorkerId"] for page in pages for a in page["Assignments"]}) == 300


def test_what_is_handed_in_twice_counts_once(mturk, make_hit, worker_client):
    hit, ana = make_hit(), worker_client("ana")
    assignment = accept(ana, hit)
    submit(ana, assignment, closer="wrist")
    assert submit(ana, assignment, closer="knee").status_code == 200
    [told_back] = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
    assert "wrist" in told_back["Answer"] and "knee" not in told_back["Answer"]


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ({"assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE", "answer": "1"}, "preview"),
        ({"assignmentId": "3GUESSED", "answer": "1"}, "no such assignment"),
        ({"assignmentId": "3\x00", "answer": "1"}, "no such assignment"),
        ({"answer": "1"}, "no such assignment"),
    ],
)
def test_a_hand_in_that_cannot_count_says_why(client, db, form, complaint):
    answer = client.post("/marketplace/mturk/externalSubmit", form)
    assert answer.status_code == 400 and complaint in answer.content.decode()


def test_a_hand_in_needs_one_field_beside_the_assignment(make_hit, worker_client):
    ana = worker_client("ana")
    assignment = accept(ana, make_hit())
    empty = ana.post("/marketplace/mturk/externalSubmit", {"assignmentId": assignment})
    assert empty.status_code == 400 and "not submitted correctly" in empty.content.decode()
    assert Assignment.objects.get().state == "Accepted"


def test_any_text_survives_in_the_answer(mturk, make_hit, worker_client):
    from defusedxml.ElementTree import fromstring

    hit, ana = make_hit(), worker_client("ana")
    ana.post(
        "/marketplace/mturk/externalSubmit",
        {"assignmentId": accept(ana, hit), "comment": "a & b <c> \x07 ü 🙂", "box": ["one", "two"]},
    )
    root = fromstring(mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"][0]["Answer"])
    texts = {answer[0].text: answer[1].text for answer in root}
    assert texts == {"comment": "a & b <c> � ü 🙂", "box": "one|two"}
    assert root.tag.endswith("2005-10-01/QuestionFormAnswers.xsd}QuestionFormAnswers")


def test_the_same_values_give_the_same_hit_type(mturk, make_hit):
    values = {"AssignmentDurationInSeconds": 900, "Reward": "0.1", "Title": "T", "Description": "D"}
    first = mturk.create_hit_type(**values)["HITTypeId"]
    assert mturk.create_hit_type(**values | {"Reward": "0.10"})["HITTypeId"] == first
    assert mturk.create_hit_type(**values | {"Reward": "0.11"})["HITTypeId"] != first
    hit = mturk.create_hit_with_hit_type(HITTypeId=first, LifetimeInSeconds=60, Question=make_hit()["Question"])["HIT"]
    assert (hit["HITTypeId"], hit["MaxAssignments"], hit["AutoApprovalDelayInSeconds"]) == (first, 1, 30 * 86400)


def test_events_are_recorded_for_types_that_ask_for_them(mturk, make_hit, worker_client, clock):
    hit, ana = make_hit(MaxAssignments=1), worker_client("ana")
    wanted = {
        "Destination": "arn:aws:sns:us-east-1:1:lab", "Transport": "SNS", "Version": "2014-08-15",
        "EventTypes": ["AssignmentSubmitted", "HITReviewable"],
    }
    with pytest.raises(mturk.exceptions.RequestError, match="no Notification yet"):
        mturk.update_notification_settings(HITTypeId=hit["HITTypeId"], Active=True)
    mturk.update_notification_settings(HITTypeId=hit["HITTypeId"], Notification=wanted, Active=True)
    assignment = work(ana, hit)
    mturk.update_notification_settings(HITTypeId=hit["HITTypeId"], Active=False)
    mturk.approve_assignment(AssignmentId=assignment)
    mturk.send_test_event_notification(Notification=wanted, TestEventType="Ping")
    rows = list(Notification.objects.order_by("pk"))
    assert [row.event_type for row in rows] == ["HITReviewable", "AssignmentSubmitted", "Ping"]
    assert rows[1].body["Events"] == [
        {
            "EventType": "AssignmentSubmitted", "EventTimestamp": "2026-03-02T09:00:00Z", "HITId": hit["HITId"],
            "HITTypeId": hit["HITTypeId"], "AssignmentId": assignment,
        }
    ]


def test_the_heartbeat_does_what_is_due_once(make_hit, worker_client, clock):
    work(worker_client("ana"), make_hit())
    clock.shift(86400)
    assert tick() == 2
    assert tick() == 0
    assert Assignment.objects.get().state == "Approved" and Assignment.objects.get().approved_by_clock


def test_old_hits_are_disposed_of_after_120_days(make_hit, clock):
    make_hit()
    clocks.sweep(NINE + timedelta(hours=1))
    clocks.sweep(NINE + timedelta(days=119))
    assert Hit.objects.get().status == "Reviewable"
    clocks.sweep(NINE + timedelta(days=121))
    assert Hit.objects.get().status == "Disposed"


def test_a_worker_holds_25_hits_at_most(requester, make_hit):
    make_hit(MaxAssignments=1)
    hit_type, ana = HitType.objects.get(), accounts.make_worker("ana", "correct horse")
    for _ in range(25):
        hits.create(hit_type, hit_id=new_entity_id(), question=QUESTION, max_assignments=1, lifetime_s=60)
    with pytest.raises(Refused, match="hold 25 HITs already"):
        for hit in Hit.objects.all():
            assignments.accept(ana, hit)
    assert Assignment.objects.count() == 25
