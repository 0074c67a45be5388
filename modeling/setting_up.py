"""What a newcomer finds: a login, the marketplace with money in it, mannequins, and a first campaign to play with.

Every step may be taken again and then changes nothing.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model

from annotation.models import Dataset, Import
from crowd import publishing
from crowd.marketplace import accounts
from crowd.marketplace.models import Invitation
from crowd.models import Campaign, Environment, Publication
from crowd.mturk import credentials
from jobs import running
from modeling.demonstration import MARKETPLACE, REWARD_USD

RESEARCHER = "researcher"
REQUESTER = "nearer"
DEPOSIT_USD = "1000.00"
MANNEQUINS = Path(__file__).resolve().parent.parent / "annotation" / "demo" / "dataset"
TRY_OUT = "Try it yourself"


@dataclass(frozen=True)
class Login:
    username: str
    password: str


class CannotSetUp(Exception):
    """The message says what is in the way."""


def login() -> Login:
    """The researcher's account; its password is random and kept in a file that only this user can read."""
    file = Path(settings.VAR_DIR) / "researcher-password"
    User = get_user_model()
    user = User.objects.filter(username=RESEARCHER).first()
    if user is not None and file.is_file():
        return Login(RESEARCHER, file.read_text().strip())
    password = secrets.token_urlsafe(9)
    if user is None:
        User.objects.create_superuser(RESEARCHER, f"{RESEARCHER}@example.org", password)
    else:
        user.set_password(password)
        user.save()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as target:
        target.write(password)
    return Login(RESEARCHER, password)


def marketplace() -> Environment:
    """The marketplace of this site, with an account that has play money, at the address under which the site runs."""
    key_id, secret = accounts.ensure_requester(REQUESTER, DEPOSIT_USD)
    credentials.save("marketplace", credentials.Credentials(key_id, secret))
    place = {
        "endpoint_url": f"{settings.MARKETPLACE_URL}/api", "worker_url": settings.MARKETPLACE_URL, "credentials": "marketplace",
    }
    new_crowd = {"requests_per_s": 0, "asks_requirements": False}  # it is this very site, and nobody there has a record
    return Environment.objects.update_or_create(
        name=MARKETPLACE, defaults=place, create_defaults={**place, **new_crowd}
    )[0]


def mannequins(owner) -> Dataset:
    """The data set that ships. Raises: CannotSetUp."""
    if dataset := Dataset.objects.filter(source="demo").first():
        return dataset
    job = Import.objects.create(created_by=owner, format="nearer", path=str(MANNEQUINS), name="Mannequins", seed=1)
    job = running.execute(job)
    if not job.is_done:
        raise CannotSetUp(f"The mannequins could not be loaded: {job.error}")
    Dataset.objects.filter(pk=job.dataset_id).update(source="demo")
    return Dataset.objects.get(pk=job.dataset_id)


def try_out(dataset: Dataset, environment: Environment) -> Campaign | None:
    """A campaign that is on offer as soon as the site runs, so that somebody can play worker at once."""
    if Campaign.objects.filter(name=TRY_OUT).exists():
        return None
    campaign = Campaign(
        name=TRY_OUT, owner=dataset.owner, dataset=dataset, environment=environment, reward_usd=REWARD_USD, votes_per_pair=5,
        contact="the person who runs this site",
    )
    publishing.check(campaign)
    campaign.state = Campaign.State.PUBLISHING
    campaign.save()
    running.start(Publication(campaign=campaign, created_by=dataset.owner))
    return campaign


def invitation() -> str:
    """An address where somebody can join the marketplace as a worker; the last one that nobody has used."""
    file = Path(settings.VAR_DIR) / "worker-invitation"
    token = file.read_text().strip() if file.is_file() else ""
    if not Invitation.objects.filter(token=token, used_at=None).exists():
        token = accounts.invite(1)[0]
        file.write_text(token)
    return f"{settings.MARKETPLACE_URL}/join/{token}/"
