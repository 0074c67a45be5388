"""Errors as Mechanical Turk names them, for requesters, and one for workers.

An error with `retry_helps` is worth the same request again later; any other stays wrong
until somebody changes something.
"""


class ApiError(Exception):
    """What the caller of the requester's interface gets: `kind` becomes `__type`."""

    kind = "RequestError"
    http_status = 400
    retry_helps = False

    def __init__(self, message: str, code: str = "", *, kind: str = "", http_status: int = 0):
        super().__init__(message)
        self.message = message
        self.code = code and f"AWS.MechanicalTurk.{code}"
        self.kind = kind or type(self).kind
        self.http_status = http_status or type(self).http_status


class RequestError(ApiError):
    """The request is wrong, or comes at a wrong time; `code` is Amazon's TurkErrorCode without its prefix."""


class ServiceFault(ApiError):
    """Our fault; botocore tries again by itself."""

    kind = "ServiceFault"
    http_status = 500
    retry_helps = True


class NotSupported(RequestError):
    """A part of Mechanical Turk that this marketplace does not have; the message says what to do instead."""

    def __init__(self, message: str):
        super().__init__(message, "NotSupported")


class DoesNotExist(RequestError):
    """Also for what belongs to somebody else: a stranger learns nothing."""

    def __init__(self, what: str, id_: str):
        super().__init__(f"{what} {id_} does not exist, or belongs to another requester.", f"{what}DoesNotExist")


class InsufficientFunds(RequestError):
    def __init__(self, needed_usd, available_usd):
        super().__init__(
            f"This needs ${needed_usd} and the account has ${available_usd} available. "
            "Deposit the difference: manage.py marketplace deposit NAME AMOUNT.",
            "InsufficientFunds",
        )


class Refused(Exception):
    """A worker may not do this; the message is shown to the worker as it is."""
