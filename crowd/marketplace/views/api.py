"""The one address of the requesters' interface."""

import logging
import uuid

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from crowd.marketplace import clocks, protocol, signing
from crowd.marketplace.errors import ApiError, ServiceFault
from crowd.marketplace.operations import OPERATIONS

log = logging.getLogger(__name__)


@csrf_exempt  # a signature over the whole request takes the place of cookie and token
@require_POST
def api(request: HttpRequest) -> HttpResponse:
    """One operation of Mechanical Turk's protocol: JSON 1.1, named by `X-Amz-Target`."""
    request_id = str(uuid.uuid4())
    try:
        requester = signing.authenticate(request)
        operation = protocol.operation_named(request.headers.get("X-Amz-Target", ""))
        parameters = protocol.read_request(operation, request.body)
        clocks.advance(at_most=clocks.AT_MOST_BEFORE_A_REQUEST)
        status, body = 200, protocol.write_reply(operation, OPERATIONS[operation.name](requester, parameters))
    except RequestDataTooBig:
        error = ApiError("The request is too large.", kind="RequestEntityTooLargeException", http_status=413)
        status, body = error.http_status, protocol.write_error(error)
    except ApiError as error:
        status, body = error.http_status, protocol.write_error(error)
    except Exception:
        log.exception("request %s failed", request_id)
        fault = ServiceFault(f"Something went wrong here; the log has more under {request_id}. Try again.", "ServiceFault")
        status, body = fault.http_status, protocol.write_error(fault)
    response = HttpResponse(body, status=status, content_type=protocol.CONTENT_TYPE)
    response["x-amzn-RequestId"] = request_id
    response["Cache-Control"] = "no-store"
    return response
