"""Who is calling: AWS's Signature Version 4, recomputed by botocore's own signer."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from django.http import HttpRequest
from django.utils import timezone

from crowd.marketplace.errors import ApiError
from crowd.marketplace.models import AccessKey, Requester

SKEW_ALLOWED = timedelta(minutes=15)
_CREDENTIAL = re.compile(
    r"Credential=(?P<key>[^/\s,]+)/(?P<date>[0-9]{8})/(?P<region>[^/\s,]+)/(?P<service>[^/\s,]+)/aws4_request"
)
_SIGNED_HEADERS = re.compile(r"SignedHeaders=(?P<names>[^\s,]+)")
_SIGNATURE = re.compile(r"Signature=(?P<hex>[0-9a-f]{64})\b")


class _Recomputed(SigV4Auth):
    """Signs exactly the headers that the caller signed."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        chosen = HTTPHeaders()
        for name, value in request.headers.items():
            chosen[name.lower()] = value
        return chosen


def authenticate(request: HttpRequest) -> Requester:
    """The requester whose secret signed this very request. Raises ApiError that says what is wrong with it."""
    header = request.headers.get("Authorization", "")
    if not header.startswith("AWS4-HMAC-SHA256"):
        raise ApiError(
            "The request carries no AWS4-HMAC-SHA256 signature. Use boto3 with an access key of this marketplace.",
            kind="MissingAuthenticationTokenException", http_status=403,
        )
    credential, names, signature = (p.search(header) for p in (_CREDENTIAL, _SIGNED_HEADERS, _SIGNATURE))
    if not (credential and names and signature):
        raise ApiError("The Authorization header is incomplete.", kind="IncompleteSignatureException")
    signed = names["names"].split(";")
    _check_signed(request, signed)
    stamp = _check_time(request, credential["date"])
    key = AccessKey.objects.select_related("requester").filter(access_key_id=credential["key"], is_active=True).first()
    if key is None:
        raise ApiError(
            f"The access key {credential['key'][:128]} is not known here, or is switched off.",
            kind="UnrecognizedClientException", http_status=403,
        )
    if not hmac.compare_digest(_recompute(request, key, credential, signed, stamp), signature["hex"]):
        raise ApiError(
            "The signature does not match: the secret access key is wrong, or something between changed the request. "
            "(A proxy must pass the Host header on unchanged.)",
            kind="InvalidSignatureException", http_status=403,
        )
    return key.requester


def _check_signed(request: HttpRequest, signed: list[str]) -> None:
    needed = {"host"} | {name.lower() for name in request.headers if name.lower().startswith("x-amz-")}
    if missing := needed - set(signed):
        raise ApiError(f"These headers must be signed: {', '.join(sorted(missing))}.", kind="IncompleteSignatureException")
    if absent := [name for name in signed if name not in request.headers]:
        raise ApiError(f"Signed headers did not arrive: {', '.join(absent)}.", kind="IncompleteSignatureException")
    claimed = request.headers.get("X-Amz-Content-SHA256")
    if claimed and claimed != hashlib.sha256(request.body).hexdigest():
        raise ApiError("The body is not the one that was signed.", kind="InvalidSignatureException", http_status=403)


def _check_time(request: HttpRequest, date: str) -> str:
    stamp = request.headers.get("X-Amz-Date", "")
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise ApiError("X-Amz-Date is missing or no timestamp.", kind="IncompleteSignatureException") from error
    if abs(timezone.now() - signed_at) > SKEW_ALLOWED or not stamp.startswith(date):
        raise ApiError(
            f"The request was signed at {stamp}, and it is {timezone.now():%Y%m%dT%H%M%SZ} here: set the clock right.",
            kind="InvalidSignatureException", http_status=403,
        )
    return stamp


def _recompute(request: HttpRequest, key: AccessKey, credential: re.Match, signed: list[str], stamp: str) -> str:
    copy = AWSRequest(
        method=request.method,
        url=request.build_absolute_uri(),
        headers={name: request.headers[name] for name in signed},
        data=request.body,
    )
    copy.context["timestamp"] = stamp
    signer = _Recomputed(Credentials(key.access_key_id, key.secret), credential["service"], credential["region"])
    return signer.signature(signer.string_to_sign(copy, signer.canonical_request(copy)), copy)
