"""What a program is told when something does not work: problem details in one shape (RFC 9457), whatever went wrong."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:nearer:problem:"


@dataclass(frozen=True)
class Kind:
    """One status and what its problems have in common; `remedy` is said where the problem itself knows no better one."""

    name: str
    title: str
    remedy: str


KINDS = {
    400: Kind("invalid", "A value is missing or wrong", "Mend what `errors` names and send it again."),
    401: Kind("unknown-caller", "Nobody known has asked", "Send `Authorization: Bearer TOKEN`; tokens are made in the panel."),
    403: Kind("not-permitted", "A right or a scope is missing", "Use a token with the scope, or ask for the right."),
    404: Kind("not-found", "There is nothing of this name for the caller", "List what there is; it may be somebody else's."),
    405: Kind("wrong-method", "This address is not asked in this way", "Use one of the methods that `Allow` lists."),
    406: Kind("not-acceptable", "The answer cannot be given in this form", "Accept application/json."),
    409: Kind("conflict", "The state of things does not allow it", "Mend what `detail` says is in the way."),
    412: Kind("changed", "It is not the version that was meant", "Fetch it again and compare its ETag."),
    413: Kind("too-large", "More was sent than is taken", "Send less at once."),
    415: Kind("wrong-type", "A body of this kind is not read", "Send what the description says, mostly application/json."),
    422: Kind("key-reused", "The idempotency key belongs to another call", "Use a new key for every new call."),
    429: Kind("too-often", "Asked too often", "Wait as many seconds as `Retry-After` says."),
    500: Kind("broken", "Something broke in Nearer", "Try again later; tell the operator if it stays."),
    502: Kind("marketplace", "The marketplace did not answer as it should", "Try again later; nothing is done twice."),
}


class Conflict(exceptions.APIException):
    status_code = 409
    default_code = "conflict"
    default_detail = KINDS[409].title


class TooLarge(exceptions.APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = KINDS[413].title


class MarketplaceFailed(exceptions.APIException):
    status_code = 502
    default_code = "marketplace"
    default_detail = KINDS[502].title


class BadQuery(exceptions.ValidationError):
    """What is wrong stands in the address, behind the question mark."""

    place = "query"


class BadHeader(exceptions.ValidationError):
    place = "header"


class FieldErrorSerializer(serializers.Serializer):
    place = serializers.ChoiceField(["body", "query", "header"])
    field = serializers.CharField(allow_blank=True, help_text="Dotted where it lies deeper; empty: as a whole.")
    detail = serializers.CharField()
    code = serializers.CharField()


class ProblemSerializer(serializers.Serializer):
    """Problem details, RFC 9457."""

    type = serializers.CharField(help_text=f"{PREFIX}NAME, to be told apart by programs.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong this time, for people.")
    remedy = serializers.CharField(help_text="What to do about it.")
    errors = FieldErrorSerializer(many=True, help_text="Of 400 alone: each value that is wrong, with its place.")


def shaped(status: int, detail: str = "", *, remedy: str = "", errors: list[dict] | None = None) -> dict:
    kind = KINDS.get(status, KINDS[500 if status >= 500 else 400])
    return {
        "type": PREFIX + kind.name, "title": kind.title, "status": status, "detail": detail or f"{kind.title}.",
        "remedy": remedy or kind.remedy, "errors": errors or [],
    }


def flat(detail, place: str, path: tuple[str, ...] = ()) -> Iterator[dict]:
    """Every sentence of a nest of errors, with the path to what it is about."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = name in (api_settings.NON_FIELD_ERRORS_KEY, "detail")
            yield from flat(inner, place, path if own else (*path, str(name)))
    elif isinstance(detail, list):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from flat(inner, place, (*path, str(number)) if nested else path)
    else:
        yield {"place": place, "field": ".".join(path), "detail": str(detail), "code": getattr(detail, "code", "invalid")}


def answer(error: Exception, context: dict) -> Response | None:
    """Django REST framework's exception handler: any refusal as a problem; None lets what is broken be seen as such."""
    if isinstance(error, RequestDataTooBig):
        error = TooLarge(str(error))
    elif isinstance(error, SuspiciousOperation):  # too many fields or files
        error = exceptions.ParseError(str(error))
    elif isinstance(error, Http404):
        error = exceptions.NotFound(str(error) or None)
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(str(error) or None)
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        errors = list(flat(error.detail, getattr(error, "place", "body")))
        said = "; ".join(f"{one['field']}: {one['detail']}" if one["field"] else one["detail"] for one in errors)
        response.data = shaped(error.status_code, said, errors=errors)
    else:
        response.data = shaped(response.status_code, str(error.detail), remedy=remedy_for(error))
    response.content_type = MEDIA_TYPE
    if request := context.get("request"):  # also where the answer itself would have been YAML or a file
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
    return response


def remedy_for(error: exceptions.APIException) -> str:
    """A better word than the status has, where the error knows one; empty: it does not."""
    if isinstance(error, exceptions.ParseError):
        return "Send a body that is well-formed."
    if isinstance(error, exceptions.Throttled) and error.wait:
        return f"Wait {int(error.wait) + 1} seconds."
    return getattr(error, "remedy", "")


def page(request: HttpRequest, status: int, detail: str = "") -> JsonResponse:
    """A problem where no view was reached."""
    return JsonResponse(shaped(status, detail), status=status, content_type=MEDIA_TYPE)
