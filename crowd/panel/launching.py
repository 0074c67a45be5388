"""Before a campaign is launched: everything that could be wrong is looked at, and its page is seen as workers will see it."""

from decimal import Decimal, InvalidOperation
from functools import partial
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import httpx
from django.conf import settings
from django.contrib import messages
from django.core.files.storage import default_storage
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from annotation.models import Annotator, Image, Pair
from crowd import addresses, funds, publishing, rights
from crowd.models import Campaign, Environment
from crowd.panel import campaigns as figures
from crowd.panel import expectations
from crowd.pricing import Price
from crowd.visits import arriving
from crowd.visits import views as visits
from crowd.ways import way_of
from crowd.ways.base import Balance, GatewayError

PATIENCE_S = 4
SHOWN_PAIRS = 25


class Check(NamedTuple):
    """One thing that was looked at: `state` is "good", "warn" (may be as you want it) or "bad" (it is not launched)."""

    what: str
    state: str
    words: str


def pages(admin) -> dict:
    """Further pages of a campaign: the end of their address, and their view `(request, campaign)`."""
    return {
        "launch": partial(launch, admin), "preview": partial(preview, admin), "instructions": partial(instructions, admin),
        "question": partial(question, admin),
    }


def launch(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """What it will cost, said once more, and what was looked at; then it is put on offer."""
    admin._require(request, campaign)
    if request.method == "POST":
        rights.require_spending(request, campaign)
        try:
            publishing.publish(campaign, request.user, agreed_usd=_agreed(request))
        except publishing.CannotPublish as error:
            messages.error(request, str(error))
        else:
            admin.log_change(request, campaign, "Launched.")
            messages.success(request, f"“{campaign}” is being put on offer.")
            return redirect(admin.url("change", campaign.pk))
    balance, silence = None, ""
    try:
        balance = way_of(campaign.environment).balance()
        funds.note(campaign.environment, balance)
    except GatewayError as error:
        silence = str(error)
    price, wage = publishing.price(campaign), figures.expected_wage(campaign)
    expected = expectations.expected(campaign, price) if campaign.is_draft else None
    found = checks(campaign, price, balance, silence)
    if problem := rights.why_not_spend(request, campaign):
        found.append(Check("Your rights", "bad", problem))
    if expected and expected["too_long"]:
        found.append(Check("Time", "warn", f"It may take {expected['time']}, longer than it is on offer. Extend it later."))
    return admin.render(
        request, "admin/crowd/campaign/launch.html", campaign, title=f"Launch {campaign}", price=price, wage=wage,
        balance=balance.available_usd if balance else None, expected=expected, checks=found,
        is_refused=any(check.state == "bad" for check in found),
        after=balance.available_usd - price.total_usd if balance is not None else None,
    )


def _agreed(request) -> Decimal | None:
    """The price that stood on the button."""
    try:
        return Decimal(request.POST["agreed"])
    except (KeyError, InvalidOperation):
        return None


def checks(campaign: Campaign, price: Price, balance: Balance | None, silence: str) -> list[Check]:
    """Settings, credentials, balance, https, images, wage and known answers, each with what was found.

    Args:
        balance: of the account; None for a way without one, or where `silence` says why it did not answer.
    """
    place = campaign.environment
    found = [_settings(campaign, price), *_account(campaign, price, balance, silence), _address(place), _pictures(campaign)]
    if place.kind != Environment.Kind.INVITATION:
        wage = figures.expected_wage(campaign)["forecast_usd"]
        low = wage < Decimal("7.25")
        under = ", under the federal minimum wage of the United States, $7.25. People notice, and so do ethics boards."
        found.append(Check("Wage", "warn" if low else "good", f"About ${wage} an hour" + (under if low else ".")))
    if campaign.gold_share and not Pair.objects.of_dataset(campaign.dataset).filter(gold_first__isnull=False).exists():
        found.append(Check("Known answers", "warn", "A share of them is asked for, but the data set has none to mix in."))
    return found


def _settings(campaign: Campaign, price: Price) -> Check:
    try:
        publishing.check(campaign)
    except publishing.CannotPublish as error:
        return Check("Settings", "bad", str(error))
    return Check("Settings", "good", f"{price.n_pairs:,} pairs in {price.n_hits:,} HITs, within the budget.")


def _account(campaign: Campaign, price: Price, balance: Balance | None, silence: str) -> list[Check]:
    if silence:
        return [Check("Credentials", "bad", f"“{campaign.environment}” does not say what the account holds: {silence}")]
    if balance is None:
        return [Check("Account", "good", "No money goes through Nearer on this way.")]
    keys = Check("Credentials", "good", f"“{campaign.environment}” knows the account.")
    left = balance.available_usd - price.total_usd
    if left < 0:
        words = f"The account holds ${balance.available_usd:,.2f}, which does not cover it. "
        return [keys, Check("Balance", "bad", words + f"Deposit at least ${-left:,.2f} more, or ask for fewer votes.")]
    return [keys, Check("Balance", "good", f"The account holds ${balance.available_usd:,.2f}; ${left:,.2f} will be left.")]


def _address(place: Environment) -> Check:
    """Whether workers can be sent to this site at all; what must not be is refused with the settings."""
    if settings.PUBLIC_URL.startswith("https://"):
        return Check("https", "good", f"Workers are sent to {settings.PUBLIC_URL}.")
    if urlsplit(settings.PUBLIC_URL).hostname in addresses.LOCAL:
        return Check("https", "warn", f"{settings.PUBLIC_URL} is this machine: only people on it can take part.")
    return Check("https", "warn", f"{settings.PUBLIC_URL} is not https; answers would travel in the open.")


def _pictures(campaign: Campaign) -> Check:
    """The data set's first and last image, asked for as a worker's browser will."""
    rows = Image.objects.filter(dataset=campaign.dataset)
    for image in filter(None, {rows.order_by("pk").first(), rows.order_by("pk").last()}):
        if not default_storage.exists(image.file.name):
            return Check("Images", "bad", f"The file of {image.name} is missing from the storage. Import the data set again.")
        url = settings.PUBLIC_URL + image.url
        try:
            answer = httpx.get(url, timeout=PATIENCE_S, follow_redirects=True)
        except httpx.HTTPError as error:
            return Check("Images", "warn", f"{urlsplit(url).netloc} did not answer this server ({type(error).__name__}). "
                         "Open the data set from outside before you launch.")
        if answer.status_code != 200 or not answer.headers.get("Content-Type", "").startswith("image/"):
            return Check("Images", "warn", f"{image.name} was asked for at {settings.PUBLIC_URL}, which answered "
                         f"{answer.status_code} and no picture. Is that the address of this very site?")
    return Check("Images", "good", f"They are there under {settings.PUBLIC_URL}.")


# --- As workers see it ---------------------------------------------------------------------------


def preview(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """What workers see before they accept and what they are asked, on a desktop and on a phone."""
    hit = campaign.hits.exclude(hit_id="").first()
    address = admin.url("instructions", campaign.pk)
    if hit is not None:
        query = urlencode({"assignmentId": arriving.PREVIEW, "hitId": hit.hit_id})
        address = f"{reverse('task', args=[hit.token])}?{query}"
    return admin.render(
        request, "admin/crowd/campaign/preview.html", campaign, title="As workers see it", address=address, hit=hit,
        question=admin.url("question", campaign.pk),
        has_pairs=Pair.objects.of_dataset(campaign.dataset).exists(),
    )


@visits.framed
def _instructions(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    return visits.preview_of(request, campaign, campaign.comparisons_per_hit)


def instructions(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """What the marketplace will frame before somebody accepts; there is no HIT yet whose address could be taken."""
    return _instructions(request, campaign)


def question(admin, request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """The first task of the campaign with its own images. It is taken back before it is shown, so no answer can arrive."""
    return _question(request, campaign)


@visits.framed
def _question(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    pairs = Pair.objects.of_dataset(campaign.dataset).select_related("person").order_by("pk")[:SHOWN_PAIRS]
    with transaction.atomic():
        task = visits.trial(campaign, list(pairs), Annotator.objects.create()) if pairs else None
        response = visits.task_page(request, campaign, task) if task else None
        transaction.set_rollback(True)
    if response is None:
        raise Http404("The data set has no pairs to ask about.")
    return response
