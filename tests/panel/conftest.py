"""A researcher who is logged in, in a real browser."""

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from annotation.models import Dataset
from crowd import merging, publishing, reconciling, releasing
from jobs import running
from modeling import setting_up
from modeling.models import Prediction, Run
from tests import factories
from tests.crowd.handwork import Hand

PASSWORD = "correct horse"


@pytest.fixture
def researcher(transactional_db):
    return factories.make_user(username="ada", password=PASSWORD)


@pytest.fixture
def log_in(site, researcher):
    """`log_in(page)` types name and password and ends on the home page."""

    def act(page):
        page.goto(f"{site}/panel/")
        page.get_by_label("Username").fill(researcher.username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Overview").wait_for()
        return page

    return act


@pytest.fixture
def panel(page, log_in):
    """The browser, on the home page."""
    return log_in(page)


@pytest.fixture
def marketplace(site, settings, tmp_path, researcher):
    """The marketplace of the running site, with play money in the researcher's account."""
    settings.VAR_DIR = tmp_path
    return setting_up.marketplace()


@pytest.fixture
def mannequins(researcher) -> Dataset:
    """A few people of the data set that ships."""
    job = running.execute(
        factories.make_import(path=str(setting_up.MANNEQUINS), name="Mannequins", limit=6, created_by=researcher)
    )
    assert job.is_done, job.error
    Dataset.objects.update(source="demo")
    return Dataset.objects.get()


@pytest.fixture
def finished(researcher, marketplace):
    """A campaign with everything that can follow it: votes, a merge, a release, a run with predictions."""
    campaign = factories.make_voted_campaign(
        owner=researcher, environment=marketplace, state="collecting", name="Five votes each", n_pairs=15
    )
    merge = running.execute(merging.start(campaign, researcher))
    release = running.execute(releasing.start(merge, researcher))
    run = Run.objects.create(
        name="first-run", release=release, state=Run.State.DONE, progress=1, created_by=researcher,
        curve=[{"epoch": n, "loss": 2 / n, "held_out_loss": 2.2 / n, "held_out_order": 0.5 + n / 50} for n in range(1, 11)],
        figures={
            "before": {"pa_mpjpe_mm": 140.0, "mpjpe_mm": 170.0, "order_accuracy": 0.5},
            "after": {"pa_mpjpe_mm": 82.5, "mpjpe_mm": 101.0, "order_accuracy": 0.83},
        },
    )
    storages["private"].save(f"{run.folder}/weights.safetensors", ContentFile(b"weights"))
    people = [person for image in campaign.dataset.images.all() for person in image.people.all()]
    Prediction.objects.bulk_create(
        Prediction(run=run, person=one, pose_mm=[[x + 20, y, z * 0.8] for x, y, z in one.truth_mm]) for one in people
    )
    return {"campaign": campaign, "merge": merge, "release": release, "run": run, "person": people[0]}


@pytest.fixture
def hired(marketplace, researcher, client):
    """A worker of the marketplace whose task was paid, and another task handed in with too few answers; the hand."""
    cache.clear()
    client.force_login(researcher)
    campaign = factories.make_campaign(
        owner=researcher, environment=marketplace, dataset=factories.make_dataset(owner=researcher), votes_per_pair=2,
        images_per_hit=1,
    )
    factories.make_pairs(15, campaign.dataset)
    assert running.execute(publishing.publish(campaign, researcher)).is_done
    first, second = campaign.hits.order_by("number")[:2]
    hand = Hand()
    hand.do(first)
    accepted = hand.accept(second)
    hand.submit(accepted, hand.answer(second, accepted, n=3))
    reconciling.reconcile(campaign)
    return hand
