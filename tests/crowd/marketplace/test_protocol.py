"""What a boto3 client sees: signatures, validation, errors, pages."""

import json

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from django.test import Client

from crowd.marketplace import accounts, protocol
from crowd.marketplace.models import AccessKey, Hit
from crowd.marketplace.operations import OPERATIONS
from tests.crowd.marketplace.makers import html_question, question


def test_every_operation_of_the_service_model_is_answered():
    assert set(OPERATIONS) == set(protocol.service().operation_names)


def test_a_new_account_has_its_deposit(mturk):
    balance = mturk.get_account_balance()
    assert (balance["AvailableBalance"], balance["OnHoldBalance"]) == ("100.00", "0.00")


def test_opening_an_account_again_gives_the_same_key_and_no_more_money(boto):
    boto("a lab", "5.00")
    first = accounts.ensure_requester("a lab", "5.00")
    assert first == accounts.ensure_requester("a lab", "5.00")
    assert boto("a lab", "5.00").get_account_balance()["AvailableBalance"] == "5.00"


def test_the_secret_is_not_stored_in_clear(db):
    _, secret = accounts.ensure_requester("a lab")
    assert secret not in AccessKey.objects.get().secret_encrypted
    assert AccessKey.objects.get().secret == secret


def client_with(site, key, secret, **config):
    return boto3.client(
        "mturk", endpoint_url=f"{site}/marketplace/api", region_name="us-east-1",
        aws_access_key_id=key, aws_secret_access_key=secret, config=Config(retries={"max_attempts": 1}, **config),
    )


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda key, secret: (key, secret + "x"), "InvalidSignatureException"),
        (lambda key, secret: ("NEARERSTRANGER", secret), "UnrecognizedClientException"),
    ],
)
def test_a_wrong_key_or_secret_is_refused(site, db, spoil, error):
    stranger = client_with(site, *spoil(*accounts.ensure_requester("a lab")))
    with pytest.raises(ClientError) as refusal:
        stranger.get_account_balance()
    assert refusal.value.response["Error"]["Code"] == error


def test_a_key_that_was_switched_off_is_refused(site, mturk):
    AccessKey.objects.update(is_active=False)
    with pytest.raises(ClientError, match="switched off"):
        mturk.get_account_balance()


def test_an_unsigned_request_is_refused(site, db):
    with pytest.raises(ClientError) as refusal:
        client_with(site, "x", "y", signature_version=UNSIGNED).get_account_balance()
    assert refusal.value.response["Error"]["Code"] == "MissingAuthenticationTokenException"


def test_a_request_signed_long_ago_cannot_be_played_again(site, mturk, clock):
    sent = []
    mturk.meta.events.register("before-send.mturk.*", lambda request, **_: sent.append(request))
    mturk.get_account_balance()
    [request] = sent

    def replay(body=request.body, **changed):
        headers = {name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()}
        headers |= {"Host": site.removeprefix("http://")} | changed
        answer = Client().post(
            "/marketplace/api", body, content_type=headers.pop("Content-Type"), headers=headers,
            SERVER_NAME="localhost", SERVER_PORT=site.rsplit(":")[-1],
        )
        return json.loads(answer.content)

    assert replay()["AvailableBalance"] == "100.00"
    changed_body = replay(body=b'{"HITId": "3X"}')
    assert changed_body["__type"] == "InvalidSignatureException"
    other_operation = replay(**{"X-Amz-Target": "MTurkRequesterServiceV20170117.ListHITs"})
    assert other_operation["__type"] == "InvalidSignatureException"
    clock.shift(16 * 60)
    assert "set the clock right" in replay()["Message"]


def test_errors_have_amazons_form(mturk):
    with pytest.raises(mturk.exceptions.RequestError) as error:
        mturk.get_hit(HITId="3NOBODY")
    response = error.value.response
    assert response["Error"]["Code"] == "RequestError"
    assert response["TurkErrorCode"] == "AWS.MechanicalTurk.HITDoesNotExist"
    assert "3NOBODY" in response["Message"] and response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_fault_of_ours_is_one_that_botocore_tries_again(mturk, monkeypatch):
    def broken(requester, parameters):
        raise RuntimeError("the disk is full")

    monkeypatch.setitem(OPERATIONS, "GetAccountBalance", broken)
    with pytest.raises(mturk.exceptions.ServiceFault) as fault:
        mturk.get_account_balance()
    assert fault.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "disk" not in str(fault.value)


@pytest.fixture
def raw(site, mturk):
    """Sends any JSON with a right signature, past the checks of the client."""

    def send(operation: str, parameters):
        def replace(params, **_):
            params["body"] = json.dumps(parameters).encode()
            params["headers"]["X-Amz-Target"] = f"MTurkRequesterServiceV20170117.{operation}"

        mturk.meta.events.register("before-call.mturk.GetAccountBalance", replace)
        with pytest.raises(ClientError) as error:
            mturk.get_account_balance()
        mturk.meta.events.unregister("before-call.mturk.GetAccountBalance", replace)
        return error.value.response["Error"]

    return send


MISFITS = [
    ("GetHIT", {}, 'Missing required parameter in input: "HITId"'),
    ("GetHIT", {"HITId": "3X", "Colour": "red"}, 'Unknown parameter in input: "Colour"'),
    ("GetHIT", {"HITId": 3}, "Invalid type for parameter HITId"),
    ("GetHIT", {"HITId": "small letters"}, "does not match"),
    ("GetHIT", {"HITId": "3X\n"}, "does not match"),
    ("GetHIT", {"HITId": "A" * 65}, "the most is 64"),
    ("ListHITs", {"MaxResults": 101}, "up to 100"),
    ("ListHITs", {"MaxResults": 0}, "valid min value: 1"),
    ("ListHITs", {"MaxResults": True}, "no whole number"),
    ("UpdateExpirationForHIT", {"HITId": "3X", "ExpireAt": "soon"}, "ExpireAt"),
    ("ListReviewableHITs", {"Status": "Assignable"}, "must be one of Reviewable, Reviewing"),
    ("ApproveAssignment", {"AssignmentId": "3X", "RequesterFeedback": "a\x00b"}, "null character"),
    ("ApproveAssignment", {"AssignmentId": "3X", "RequesterFeedback": "a\ud800b"}, "surrogate"),
    ("GetHIT", {"HITId": "A" * 3_000_000}, "too large"),
]


def test_requests_are_held_to_the_service_model(raw):
    for operation, parameters, complaint in MISFITS:
        error = raw(operation, parameters)
        assert error["Code"].startswith("Request") and complaint in error["Message"], (operation, complaint, error)


def test_what_is_no_operation_or_no_object_is_named(raw):
    assert raw("MakeCoffee", {})["Code"] == "UnknownOperationException"
    assert raw("ListHITs", [1])["Code"] == "SerializationException"


def test_the_address_takes_no_other_method(client, db):
    assert client.get("/marketplace/api").status_code == 405


def test_lists_come_in_pages_without_gaps_or_repeats(mturk, requester, make_hit):
    make_hit()
    template = Hit.objects.get()
    for number in range(24):
        Hit(**{f.attname: getattr(template, f.attname) for f in Hit._meta.fields if f.name not in ("id", "hit_id")}
            | {"hit_id": f"3HIT{number:03d}", "held_usd": 0}).save()
    first = mturk.list_hits()
    assert first["NumResults"] == 10
    pages = list(mturk.get_paginator("list_hits").paginate(PaginationConfig={"PageSize": 7}))
    ids = [hit["HITId"] for page in pages for hit in page["HITs"]]
    assert [page["NumResults"] for page in pages] == [7, 7, 7, 4]
    assert len(set(ids)) == 25 and "NextToken" not in pages[-1]


def test_a_page_token_is_good_for_its_own_question_only(mturk, boto, make_hit):
    for _ in range(2):
        make_hit()
    token = mturk.list_hits(MaxResults=1)["NextToken"]
    assert mturk.list_hits(MaxResults=1, NextToken=token)["NumResults"] == 1
    for ask in (mturk.list_reviewable_hits, boto("another lab").list_hits):
        with pytest.raises(ClientError, match="NextToken"):
            ask(NextToken=token)
    with pytest.raises(ClientError, match="NextToken"):
        mturk.list_hits(NextToken="12")


def test_one_lab_sees_nothing_of_another(boto, make_hit):
    hit, other = make_hit(), boto("another lab")
    assert other.list_hits()["HITs"] == []
    for ask in (other.get_hit, other.delete_hit, other.list_assignments_for_hit):
        with pytest.raises(ClientError, match="does not exist"):
            ask(HITId=hit["HITId"])


IMPOSSIBLE = [
    ({"Question": "<QuestionForm/>"}, "QuestionForm is not supported"),
    ({"Question": html_question("<crowd-form></crowd-form>")}, "crowd-"),
    ({"Question": html_question("")}, "needs both HTMLContent and FrameHeight"),
    ({"Question": "<a"}, "not well-formed"),
    ({"Question": '<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>'}, "DTD"),
    ({"Question": "<ExternalQuestion/>"}, "namespace"),
    ({"Question": question("http://elsewhere.example/task")}, "must use https"),
    ({"Question": question("javascript:alert(1)")}, "must be an https address"),
    ({"Question": question("https://a b;script-src *")}, "must be an https address"),
    ({"Question": question("https://ex\u00e4mple.org/task")}, "punycode"),
    ({"Question": question("http://[::1]:9/task")}, "IPv6"),
    ({"Question": question(height="tall")}, "FrameHeight"),
    ({"Question": question("https://x.example/" + 70_000 * "a")}, "65535 bytes"),
    ({"Title": "x" * 129}, "Title has 129 characters"),
    ({"Title": " "}, "Title has 0 characters"),
    ({"QualificationRequirements": 11 * [{"QualificationTypeId": "3X", "Comparator": "Exists"}]}, "the most is 10"),
    ({"MaxAssignments": 0}, "MaxAssignments is 0"),
    ({"LifetimeInSeconds": 29}, "between 30 and"),
    ({"AssignmentDurationInSeconds": 5}, "between 30 and"),
    ({"AutoApprovalDelayInSeconds": 31 * 86400}, "AutoApprovalDelayInSeconds"),
    ({"Reward": "10000.01"}, "the most is"),
    ({"HITLayoutId": "3LAYOUT"}, "HITLayoutId is not supported"),
    ({"HITReviewPolicy": {"PolicyName": "SimplePlurality/2011-09-01"}}, "HITReviewPolicy is not supported"),
]


def test_a_hit_that_cannot_be_is_refused_with_the_reason_and_costs_nothing(mturk, make_hit):
    for fields, complaint in IMPOSSIBLE:
        with pytest.raises(mturk.exceptions.RequestError) as error:
            make_hit(**fields)
        assert complaint in str(error.value), (complaint, str(error.value))
    assert mturk.get_account_balance()["OnHoldBalance"] == "0.00" and not Hit.objects.exists()


def test_what_is_not_supported_says_what_to_do_instead(mturk):
    with pytest.raises(ClientError, match="upload to a place of your own"):
        mturk.get_file_upload_url(AssignmentId="3X", QuestionIdentifier="q")
    with pytest.raises(ClientError, match="AssociateQualificationWithWorker"):
        mturk.create_qualification_type(
            Name="n", Description="d", QualificationTypeStatus="Active", Test="<QuestionForm/>", TestDurationInSeconds=60
        )
