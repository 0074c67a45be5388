"""No page asks the database more often because there is more to see."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.models import Pair
from crowd import merging, releasing
from crowd.models import Standing, Worker
from jobs import running
from modeling.models import Prediction, Run
from tests import factories

pytestmark = pytest.mark.django_db
MOST = 20
EXPECT = "protocol=fixed&votes_per_pair=5&images_per_hit=5&pairs_per_image=5&target_risk=0.05&most_votes=7&least_votes=1"
EXPECT += "&exploration_share=0.05&reward_usd=0.10&delay_ms=750&gold_share=0&lifetime_s=604800"
PREVIEWED = "?strategy=all&count=1&seed=1"


@pytest.fixture
def pages(admin_user):
    """Addresses of every page, on a world with so many pairs."""

    def make(n_pairs: int) -> dict[str, str]:
        campaign = factories.make_voted_campaign(n_pairs=n_pairs, votes=5, owner=admin_user, state="collecting")
        factories.make_campaign(owner=admin_user, dataset=campaign.dataset)
        merge = running.execute(merging.start(campaign, admin_user))
        release = running.execute(releasing.start(merge, admin_user))
        people = [person for image in campaign.dataset.images.prefetch_related("people") for person in image.people.all()]
        run = Run.objects.create(
            name=f"run-{n_pairs}", release=release, state=Run.State.DONE, created_by=admin_user,
            curve=[{"epoch": number, "loss": 1.0} for number in range(n_pairs)],
            figures={"before": {"pa_mpjpe_mm": 200.0}, "after": {"pa_mpjpe_mm": 90.0}},
        )
        Prediction.objects.bulk_create(Prediction(run=run, person=one, pose_mm=one.truth_mm) for one in people)
        draft = factories.make_campaign(owner=admin_user, dataset=campaign.dataset)
        lean = factories.make_campaign(owner=admin_user, dataset=campaign.dataset, protocol="lean", state="collecting")
        pairs = Pair.objects.filter(person__in=people).select_related("person")
        Standing.objects.bulk_create(Standing(campaign=lean, pair=pair, image_id=pair.person.image_id) for pair in pairs)
        return {
            "home": reverse("admin:index"),
            "data set": reverse("admin:annotation_dataset_change", args=[campaign.dataset_id]),
            "data set, doubtful": reverse("admin:annotation_dataset_change", args=[campaign.dataset_id]) + "?show=doubtful",
            "more pairs": reverse("admin:annotation_dataset_pairs", args=[campaign.dataset_id]) + PREVIEWED,
            "person": reverse("admin:annotation_person_change", args=[people[0].pk]),
            "campaign": reverse("admin:crowd_campaign_change", args=[campaign.pk]),
            "live figures": reverse("admin:crowd_campaign_live", args=[campaign.pk]),
            "what labels are worth": reverse("admin:crowd_campaign_worth", args=[campaign.pk]),
            "what the votes say": reverse("admin:crowd_campaign_votes", args=[campaign.pk]),
            "lean": reverse("admin:crowd_campaign_change", args=[lean.pk]),
            "offer": reverse("admin:crowd_campaign_offer", args=[campaign.pk]),
            "work": reverse("admin:crowd_campaign_work", args=[campaign.pk]) + "?show=both",
            "wages": reverse("admin:crowd_campaign_wages", args=[campaign.pk]),
            "draft": reverse("admin:crowd_campaign_change", args=[draft.pk]),
            "as workers will see it": reverse("admin:crowd_campaign_preview", args=[draft.pk]),
            "the question": reverse("admin:crowd_campaign_question", args=[draft.pk]),
            "launch": reverse("admin:crowd_campaign_launch", args=[draft.pk]),
            "expect": f"{reverse('admin:crowd_campaign_expect')}?dataset={campaign.dataset_id}&{EXPECT}",
            "new campaign": reverse("admin:crowd_campaign_add"),
            "merge": reverse("admin:crowd_merge_change", args=[merge.pk]),
            "review": reverse("admin:crowd_merge_review", args=[merge.pk]),
            "analysis": reverse("admin:crowd_merge_analysis", args=[merge.pk]),
            "by difficulty": reverse("admin:crowd_merge_difficulty", args=[merge.pk]),
            "worker": reverse("admin:crowd_worker_change", args=[Worker.objects.order_by("-pk").first().pk]),
            "task": reverse("admin:crowd_assignment_change", args=[campaign.hits.get().assignments.first().pk]),
            "merge's progress": reverse("admin:crowd_merge_progress", args=[merge.pk]),
            "release": reverse("admin:crowd_release_change", args=[release.pk]),
            "run": reverse("admin:modeling_run_change", args=[run.pk]),
            **{
                f"list of {name}": reverse(f"admin:{name}_changelist")
                for name in (
                    "annotation_dataset", "annotation_person", "annotation_vote", "annotation_import", "crowd_campaign",
                    "crowd_merge", "crowd_release", "crowd_hit", "crowd_assignment", "crowd_payment", "crowd_call",
                    "crowd_worker", "modeling_run", "admin_logentry",
                )
            },
        }

    return make


def queries(client, url: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200, url
    return len(asked)


def test_every_page_asks_less_than_twenty_times_whatever_its_size(admin_client, pages):
    cache.clear()
    few = {name: queries(admin_client, url) for name, url in pages(10).items()}
    cache.clear()
    many = {name: queries(admin_client, url) for name, url in pages(60).items()}
    assert {name: n for name, n in many.items() if n >= MOST} == {}
    grown = {name: (few[name], n) for name, n in many.items() if n > few[name] + 1}
    assert grown == {}, "pages that ask more often because there is more"


def test_what_is_asked_every_two_seconds_is_cheap(admin_client, pages):
    urls = pages(20)
    admin_client.get(urls["merge's progress"])  # the first request of a session notes when it began
    # session and user come with every request
    assert queries(admin_client, urls["merge's progress"]) <= 3
    assert queries(admin_client, urls["live figures"]) <= 7
