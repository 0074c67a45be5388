"""Requirements on discovering, previewing and accepting; types that requesters make and give."""

import pytest

from crowd.marketplace import accounts
from crowd.marketplace.errors import RequestError
from crowd.marketplace.models import Message
from crowd.marketplace.qualifications import (
    ADULT,
    APPROVAL_RATE,
    HITS_APPROVED,
    LOCALE,
    MASTERS,
    Standing,
    check_requirements,
)
from tests.crowd.marketplace.makers import accept, work

pytestmark = pytest.mark.once


def requirement(id_: str, comparator: str, *values, **more) -> dict:
    if values and isinstance(values[0], dict):
        more["LocaleValues"] = list(values)
    elif values:
        more["IntegerValues"] = list(values)
    return {"QualificationTypeId": id_, "Comparator": comparator, **more}


@pytest.fixture
def careful(mturk) -> str:
    """The id of a custom qualification type."""
    made = mturk.create_qualification_type(
        Name="Careful", Description="Did our tutorial.", Keywords="tutorial", QualificationTypeStatus="Active"
    )
    return made["QualificationType"]["QualificationTypeId"]


US, DE = {"Country": "US"}, {"Country": "DE"}


@pytest.mark.parametrize(
    ("asked", "met"),
    [
        (requirement(LOCALE, "EqualTo", US), True),
        (requirement(LOCALE, "EqualTo", DE), False),
        (requirement(LOCALE, "NotEqualTo", DE), True),
        (requirement(LOCALE, "In", DE, {"Country": "US", "Subdivision": "CA"}), True),
        (requirement(LOCALE, "EqualTo", {"Country": "US", "Subdivision": "NY"}), False),
        (requirement(LOCALE, "NotIn", US, DE), False),
        (requirement(HITS_APPROVED, "GreaterThanOrEqualTo", 100), True),
        (requirement(HITS_APPROVED, "GreaterThan", 120), False),
        (requirement(HITS_APPROVED, "LessThan", 121), True),
        (requirement(HITS_APPROVED, "NotIn", 1, 120), False),
        (requirement(APPROVAL_RATE, "GreaterThanOrEqualTo", 98), False),
        (requirement(APPROVAL_RATE, "EqualTo", 80), True),
        (requirement(ADULT, "EqualTo", 1), False),
        (requirement(ADULT, "Exists"), True),
    ],
)
def test_the_systems_qualifications_mean_what_they_say(db, asked, met):
    check_requirements([asked])
    ana = accounts.make_worker("ana", "correct horse", subdivision="CA", approved_before=120, rejected_before=30)
    assert Standing(ana).meets(asked) == met


def test_requirements_are_checked_on_accept(make_hit, worker_client):
    ana, ben = worker_client("ana", approved_before=120), worker_client("ben", approved_before=99)
    hit = make_hit(QualificationRequirements=[requirement(HITS_APPROVED, "GreaterThanOrEqualTo", 100)])
    for worker in (ana, ben):
        worker.post(f"/marketplace/hits/{hit['HITId']}/accept/")
    assert [w.worker.assignments.count() for w in (ana, ben)] == [1, 0]


def test_a_newcomers_approval_rate_is_100_until_100_are_decided(db, worker_client):
    ana = worker_client("ana", approved_before=90, rejected_before=9).worker
    assert Standing(ana).approval_rate == 100
    ana.rejected_before = 10
    assert Standing(ana).approval_rate == 90


@pytest.mark.parametrize(
    ("guarded", "listed", "previewed"),
    [("Accept", True, True), ("PreviewAndAccept", True, False), ("DiscoverPreviewAndAccept", False, False)],
)
def test_a_requirement_guards_what_it_says(make_hit, worker_client, guarded, listed, previewed):
    ana = worker_client("ana")
    hit = make_hit(QualificationRequirements=[requirement(HITS_APPROVED, "GreaterThan", 5, ActionsGuarded=guarded)])
    preview = ana.get(f"/marketplace/hits/{hit['HITId']}/preview/")
    assert ("Which is closer?" in ana.get("/marketplace/").content.decode()) == listed
    assert ("<iframe" in preview.content.decode()) == previewed
    assert preview.status_code == (200 if listed else 404)
    ana.post(f"/marketplace/hits/{hit['HITId']}/accept/")
    ana.post(f"/marketplace/groups/{hit['HITGroupId']}/accept/")
    assert not ana.worker.assignments.exists()


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (11 * [requirement(HITS_APPROVED, "Exists")], "the most is 10"),
        ([requirement("3NOWHERE", "Exists")], r"QualificationRequirements\[0\]: qualification type 3NOWHERE does not exist"),
        ([requirement(min(MASTERS), "Exists")], "no Masters"),
        ([requirement(HITS_APPROVED, "EqualTo")], "takes one value, not 0"),
        ([requirement(HITS_APPROVED, "In", *range(16))], "1 to 15 values, not 16"),
        ([requirement(HITS_APPROVED, "Exists", 1)], "takes no values"),
        ([requirement(HITS_APPROVED, "EqualTo", US)], "location"),
        ([requirement(LOCALE, "GreaterThan", US)], "compared by EqualTo"),
        ([requirement(LOCALE, "EqualTo", US, DE)], "takes one value, not 2"),
        ([requirement(HITS_APPROVED, "Exists", RequiredToPreview=True, ActionsGuarded="Accept")], "must not be combined"),
    ],
)
def test_requirements_that_make_no_sense_are_refused(db, asked, complaint):
    with pytest.raises(RequestError, match=complaint):
        check_requirements(asked)


def test_a_qualification_is_given_changed_taken_away_and_counted(mturk, make_hit, worker_client, careful):
    ana, hit = worker_client("ana"), make_hit(QualificationRequirements=[requirement(careful, "GreaterThan", 80)])
    whom = {"QualificationTypeId": careful, "WorkerId": ana.worker.worker_id}
    ana.post(f"/marketplace/hits/{hit['HITId']}/accept/")
    assert not ana.worker.assignments.exists()
    mturk.associate_qualification_with_worker(**whom, IntegerValue=80, SendNotification=False)
    assert not Message.objects.exists()
    mturk.associate_qualification_with_worker(**whom, IntegerValue=90)
    assert mturk.get_qualification_score(**whom)["Qualification"]["IntegerValue"] == 90
    accept(ana, hit)
    assert ana.worker.assignments.count() == 1
    mturk.disassociate_qualification_from_worker(**whom, Reason="The tutorial has changed.")
    assert mturk.get_qualification_score(**whom)["Qualification"]["Status"] == "Revoked"
    assert "The tutorial has changed." in Message.objects.first().text
    holders = mturk.list_workers_with_qualification_type
    assert holders(QualificationTypeId=careful)["NumResults"] == 1
    assert holders(QualificationTypeId=careful, Status="Granted")["NumResults"] == 0


def test_those_who_have_a_qualification_can_be_kept_out(mturk, make_hit, worker_client, careful):
    ana, ben = worker_client("ana"), worker_client("ben")
    mturk.associate_qualification_with_worker(QualificationTypeId=careful, WorkerId=ana.worker.worker_id)
    hit = make_hit(QualificationRequirements=[requirement(careful, "DoesNotExist", ActionsGuarded="DiscoverPreviewAndAccept")])
    assert ana.get("/marketplace/hits.json").json()["hits"] == []
    assert [h["hitId"] for h in ben.get("/marketplace/hits.json").json()["hits"]] == [hit["HITId"]]


def test_qualification_types_are_made_found_changed_and_deleted(mturk, boto, make_hit, careful, clock):
    with pytest.raises(mturk.exceptions.RequestError) as error:
        mturk.create_qualification_type(Name="Careful", Description="again", QualificationTypeStatus="Active")
    assert "QualificationTypeAlreadyExists" in error.value.response["TurkErrorCode"] and careful in str(error.value)
    find = mturk.list_qualification_types
    assert find(Query="tutorial", MustBeRequestable=True, MustBeOwnedByCaller=True)["NumResults"] == 1
    assert find(Query="juggling", MustBeRequestable=True)["NumResults"] == 0
    assert boto("another lab").list_qualification_types(MustBeRequestable=True, MustBeOwnedByCaller=True)["NumResults"] == 0
    changed = mturk.update_qualification_type(QualificationTypeId=careful, QualificationTypeStatus="Inactive")
    assert changed["QualificationType"]["IsRequestable"] is False
    assert find(MustBeRequestable=True)["NumResults"] == 0
    hit = make_hit(QualificationRequirements=[requirement(careful, "Exists")])
    listed = mturk.list_hits_for_qualification_type(QualificationTypeId=careful)["HITs"]
    assert [h["HITId"] for h in listed] == [hit["HITId"]]
    with pytest.raises(mturk.exceptions.RequestError, match="another requester"):
        boto("another lab").delete_qualification_type(QualificationTypeId=careful)
    mturk.delete_qualification_type(QualificationTypeId=careful)
    with pytest.raises(mturk.exceptions.RequestError, match="does not exist"):
        mturk.get_qualification_type(QualificationTypeId=careful)
    mturk.create_qualification_type(Name="Careful", Description="anew", QualificationTypeStatus="Active")


def test_a_worker_asks_and_the_requester_decides(mturk, worker_client, careful):
    ana, ben = worker_client("ana"), worker_client("ben")
    for asker in (ana, ben, ana):
        asker.post(f"/marketplace/qualifications/{careful}/request/")
    first, second = mturk.list_qualification_requests(QualificationTypeId=careful)["QualificationRequests"]
    assert [first["WorkerId"], second["WorkerId"]] == [ana.worker.worker_id, ben.worker.worker_id]
    mturk.accept_qualification_request(QualificationRequestId=first["QualificationRequestId"], IntegerValue=70)
    mturk.reject_qualification_request(QualificationRequestId=second["QualificationRequestId"], Reason="Do the tutorial first.")
    assert mturk.list_qualification_requests()["QualificationRequests"] == []
    with pytest.raises(mturk.exceptions.RequestError, match="does not exist"):
        mturk.accept_qualification_request(QualificationRequestId=first["QualificationRequestId"])
    score = mturk.get_qualification_score(QualificationTypeId=careful, WorkerId=ana.worker.worker_id)
    assert score["Qualification"]["IntegerValue"] == 70
    assert "Do the tutorial first." in ben.get("/marketplace/qualifications/").content.decode()
    ben.post(f"/marketplace/qualifications/{careful}/request/")
    assert mturk.list_qualification_requests()["QualificationRequests"] == []


def test_asking_again_has_to_wait_for_the_retry_delay(mturk, worker_client, clock):
    made = mturk.create_qualification_type(
        Name="Patient", Description="d", QualificationTypeStatus="Active", RetryDelayInSeconds=60
    )["QualificationType"]["QualificationTypeId"]
    ana = worker_client("ana")
    ana.post(f"/marketplace/qualifications/{made}/request/")
    [asked] = mturk.list_qualification_requests()["QualificationRequests"]
    mturk.reject_qualification_request(QualificationRequestId=asked["QualificationRequestId"])
    for passed, n in [(59, 0), (1, 1)]:
        clock.shift(passed)
        ana.post(f"/marketplace/qualifications/{made}/request/")
        assert mturk.list_qualification_requests()["NumResults"] == n


def test_an_automatic_qualification_is_granted_at_once(mturk, worker_client):
    made = mturk.create_qualification_type(
        Name="Agrees", Description="d", QualificationTypeStatus="Active", AutoGranted=True, AutoGrantedValue=7
    )["QualificationType"]["QualificationTypeId"]
    ana = worker_client("ana")
    ana.post(f"/marketplace/qualifications/{made}/request/")
    score = mturk.get_qualification_score(QualificationTypeId=made, WorkerId=ana.worker.worker_id)
    assert score["Qualification"]["IntegerValue"] == 7


def test_a_blocked_worker_sees_and_accepts_nothing_of_that_requester(mturk, boto, make_hit, worker_client):
    ana, hit, elsewhere = worker_client("ana"), make_hit(), make_hit(boto("another lab"), Title="Of another lab")
    mturk.create_worker_block(WorkerId=ana.worker.worker_id, Reason="A robot.")
    assert mturk.list_worker_blocks()["WorkerBlocks"] == [{"WorkerId": ana.worker.worker_id, "Reason": "A robot."}]
    assert [h["hitId"] for h in ana.get("/marketplace/hits.json").json()["hits"]] == [elsewhere["HITId"]]
    ana.post(f"/marketplace/hits/{hit['HITId']}/accept/")
    assert not ana.worker.assignments.exists()
    assert "A robot" not in ana.get("/marketplace/messages/").content.decode()
    mturk.delete_worker_block(WorkerId=ana.worker.worker_id)
    mturk.delete_worker_block(WorkerId=ana.worker.worker_id)
    accept(ana, hit)
    assert ana.worker.assignments.count() == 1


def test_only_workers_whose_work_was_decided_can_be_written_to(mturk, make_hit, worker_client):
    ana, ben = worker_client("ana"), worker_client("ben")
    mturk.approve_assignment(AssignmentId=work(ana, make_hit()))
    ids = [ana.worker.worker_id, ben.worker.worker_id, "ANOBODY"]
    told = mturk.notify_workers(Subject="More work", MessageText="Come back.", WorkerIds=ids)
    assert [failure["WorkerId"] for failure in told["NotifyWorkersFailureStatuses"]] == ids[1:]
    assert "Come back." in ana.get("/marketplace/messages/").content.decode()
    with pytest.raises(mturk.exceptions.RequestError, match="1 to 100"):
        mturk.notify_workers(Subject="s", MessageText="t", WorkerIds=101 * ["A1"])
