"""Balance and bonuses."""

from django.db import transaction

from crowd.marketplace import assignments as work
from crowd.marketplace import money, pages, tokens
from crowd.marketplace.errors import RequestError
from crowd.marketplace.ids import new_entity_id
from crowd.marketplace.models import Bonus, Message, Requester
from crowd.marketplace.operations.hits import owned_hit


def get_account_balance(requester: Requester, parameters: dict) -> dict:
    balance = money.balance(requester)
    return {"AvailableBalance": balance.available_usd, "OnHoldBalance": balance.on_hold_usd}


@transaction.atomic
def send_bonus(requester: Requester, parameters: dict) -> None:
    assignment = work.owned(requester, parameters["AssignmentId"])
    amount_usd = money.read_usd(parameters["BonusAmount"], "BonusAmount")
    reason = parameters["Reason"].strip()
    if assignment.worker.worker_id != parameters["WorkerId"]:
        raise RequestError(
            f"Assignment {assignment.assignment_id} is not by worker {parameters['WorkerId']}.", "InvalidParameterValue"
        )
    if not amount_usd or not reason:
        raise RequestError("A bonus needs an amount above 0 and a reason; the worker reads it.", "InvalidParameterValue")
    bonus_name = new_entity_id()
    try:
        tokens.claim(requester, "bonus", parameters.get("UniqueRequestToken"), bonus_name)
    except tokens.TokenUsed as used:
        raise RequestError(
            f"A bonus with this UniqueRequestToken was paid already, by request {used.result}.", "DuplicateRequest"
        ) from None
    fee_usd = money.pay_bonus(assignment, amount_usd)
    bonus = Bonus.objects.create(
        assignment=assignment, worker=assignment.worker, amount_usd=amount_usd, fee_usd=fee_usd, reason=reason
    )
    Message.objects.create(
        worker=assignment.worker,
        requester=requester,
        subject=f"Bonus of ${amount_usd}",
        text=f"{requester} paid you a bonus of ${amount_usd} for “{assignment.hit.hit_type.title}”:\n\n{reason}",
        sent_at=bonus.granted_at,
    )


def list_bonus_payments(requester: Requester, parameters: dict) -> dict:
    if ("HITId" in parameters) == ("AssignmentId" in parameters):
        raise RequestError("Give either HITId or AssignmentId.", "InvalidParameterValue")
    bonuses = Bonus.objects.filter(assignment__hit__requester=requester).select_related("worker", "assignment")
    if "HITId" in parameters:
        bonuses = bonuses.filter(assignment__hit=owned_hit(requester, parameters["HITId"]))
    else:
        bonuses = bonuses.filter(assignment=work.owned(requester, parameters["AssignmentId"]))
    page = pages.page("ListBonusPayments", bonuses, requester, parameters)
    return page.reply(
        "BonusPayments",
        [
            {
                "WorkerId": bonus.worker.worker_id,
                "BonusAmount": bonus.amount_usd,
                "AssignmentId": bonus.assignment.assignment_id,
                "Reason": bonus.reason,
                "GrantTime": bonus.granted_at,
            }
            for bonus in page.rows
        ],
    )
