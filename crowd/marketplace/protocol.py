"""Requests and replies in Mechanical Turk's form, as botocore's own service model describes it.

The model inside the botocore package is the contract: what a boto3 client may send is
what is taken here, and what it can parse is what is sent back.
"""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.utils import parse_to_aware_datetime
from botocore.validate import ParamValidator

from crowd.marketplace.errors import ApiError, RequestError

TARGET_PREFIX = "MTurkRequesterServiceV20170117"
CONTENT_TYPE = "application/x-amz-json-1.1"


@cache
def service() -> ServiceModel:
    return ServiceModel(botocore.session.get_session().get_service_data("mturk"), "mturk")


def operation_named(target: str) -> OperationModel:
    """The operation of an `X-Amz-Target` header. Raises ApiError."""
    prefix, _, name = target.partition(".")
    if prefix != TARGET_PREFIX or name not in service().operation_names:
        raise ApiError(f"There is no operation {target!r}.", kind="UnknownOperationException")
    return service().operation_model(name)


def read_request(operation: OperationModel, body: bytes) -> dict:
    """The operation's parameters, checked against its input shape, timestamps as aware datetimes.

    Raises ApiError for what is no JSON object, RequestError for what does not fit the shape.
    """
    try:
        parameters = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError(f"The body is no JSON: {error}", kind="SerializationException") from error
    if not isinstance(parameters, dict):
        raise ApiError("The body must be a JSON object.", kind="SerializationException")
    if operation.input_shape is None:
        return {}
    parameters = _without_nulls(parameters)
    report = ParamValidator().validate(parameters, operation.input_shape)
    if report.has_errors():
        raise RequestError(report.generate_report(), "InvalidParameterValue")
    return _read(operation.input_shape, parameters, "")


def _without_nulls(value: Any) -> Any:
    """JSON's null says the same as leaving a member out."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


def _read(shape: Shape, value: Any, where: str) -> Any:
    """Checks what botocore leaves to the service (patterns, upper bounds, enumerations) and converts timestamps."""
    if shape.type_name == "structure":
        return {key: _read(shape.members[key], each, f"{where}.{key}".strip(".")) for key, each in value.items()}
    if shape.type_name == "list":
        return [_read(shape.member, each, f"{where}[{position}]") for position, each in enumerate(value)]
    if shape.type_name == "timestamp":
        return _read_timestamp(value, where)
    if problem := _problem(shape, value):
        raise RequestError(f"{where} {problem}.", "InvalidParameterValue")
    return value


def _read_timestamp(value: Any, where: str) -> datetime:
    try:
        moment = parse_to_aware_datetime(value)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError) as error:
        raise RequestError(f"{where} is no timestamp: {value!r}.", "InvalidParameterValue") from error


def _problem(shape: Shape, value: Any) -> str:
    if shape.type_name in ("integer", "long"):
        widest = 2**31 - 1 if shape.type_name == "integer" else 2**63 - 1
        most = shape.metadata.get("max", widest)
        if isinstance(value, bool) or not -widest <= value <= most:
            return f"is {value}, which is no whole number up to {most}"
    if shape.type_name == "string":
        longest = shape.metadata.get("max")
        if longest and len(value) > longest:
            return f"has {len(value)} characters; the most is {longest}"
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            return "contains a null character or half a surrogate pair, which is no text"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.search(pattern.removesuffix("$") + r"\Z", value):
            return f"is {value[:80]!r} and does not match {pattern}"
        if getattr(shape, "enum", None) and value not in shape.enum:
            return f"is {value[:80]!r}; it must be one of {', '.join(shape.enum)}"
    return ""


def write_reply(operation: OperationModel, reply: dict | None) -> bytes:
    """The reply as JSON 1.1: members of the output shape only, None left out, timestamps as seconds since 1970."""
    shape = operation.output_shape
    return json.dumps(_write(shape, reply or {}, operation.name) if shape else {}).encode()


def _write(shape: Shape, value: Any, where: str) -> Any:
    if shape.type_name == "structure":
        if unknown := set(value) - set(shape.members):
            raise TypeError(f"{where} has no members {sorted(unknown)}")
        return {
            key: _write(shape.members[key], each, f"{where}.{key}") for key, each in value.items() if each is not None
        }
    if shape.type_name == "list":
        return [_write(shape.member, each, where) for each in value]
    if shape.type_name == "timestamp":
        return round(value.timestamp(), 3)
    return str(value) if isinstance(value, Decimal) else value


def write_error(error: ApiError) -> bytes:
    body = {"__type": error.kind, "Message": error.message, "message": error.message}
    if error.code:
        body["TurkErrorCode"] = error.code
    return json.dumps(body).encode()
