"""The panel's pages about what is learnt: what they show, who may act, and what they cost."""

import pytest
from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.models import Pair
from modeling import promoting
from modeling.models import Cadence, OnnxExport, Prediction, Promotion, Round, Run
from tests import factories
from tests.modeling import runs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _place(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.fixture
def manager(client):
    user = runs.make_researcher()
    client.force_login(user)
    return user


@pytest.fixture
def run(manager) -> Run:
    release = runs.make_release(runs.make_labelled_campaign(n_people=6, per_person=2, owner=manager))
    return runs.make_bare_run(release)


def page(client, name: str, *args, query: str = "") -> str:
    answer = client.get(reverse(f"admin:{name}", args=args) + query)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def test_a_runs_page_shows_its_evaluation_in_words_and_tables(client, run):
    shown = page(client, "modeling_run_change", run.pk)
    for words in ("PCK@150", "81.0 %", "82.5 mm", "0.512", "Error of each joint", "44.1", "over 400 mm", "Does it know"):
        assert words in shown


def test_a_training_starts_from_the_form_with_what_differs_from_the_defaults(client, run):
    add = reverse("admin:modeling_run_add")
    body = {
        "release": run.release_id, "preset": "paper", "epochs": "7", "precision": "bf16", "device": "cpu", "patience": "",
        "seed": "3", "note": "what if", "settings": '{"blur_mm": 300}',
    }
    answer = client.post(add, body)
    started = Run.objects.exclude(pk=run.pk).get()
    assert answer.url == reverse("admin:modeling_run_change", args=[started.pk])
    assert started.settings == {
        "method": "paper", "mirror": False, "epochs": 7, "precision": "bf16", "device": "cpu", "blur_mm": 300,
    }
    assert (started.seed, started.note, started.state) == (3, "what if", "waiting")
    assert LogEntry.objects.filter(object_id=started.pk, object_repr=started.name).exists()
    # the same run again, from its page
    again = page(client, "modeling_run_change", started.pk).split('href="')
    address = next(part.split('"')[0] for part in again if part.startswith(add)).replace("&amp;", "&")
    form = client.get(address).content.decode()
    assert 'value="7"' in form and 'value="paper" selected' in form and "blur_mm" in form and "what if" in form


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        ({"epochs": "0"}, "epochs", "greater than or equal to 1"),
        ({"settings": '{"epochs": "many"}'}, "epochs", "give a whole number"),
        ({"settings": '{"speed": 3}'}, "settings", "unknown setting speed"),
        ({"settings": "[1]"}, "settings", "names with values"),
        ({"settings": "{"}, "settings", "valid JSON"),
        ({"settings": '{"warm_start": "/etc"}'}, "settings", "choose the run to start from"),
        ({"settings": '{"seed": 4}'}, "settings", "field of its own"),
        ({"settings": '{"device": "tpu"}'}, "device", "auto, cpu, cuda"),
        ({"settings": '{"blur_mm": -1}'}, "settings", "from 0 to"),
        ({"release": ""}, "release", "required"),
    ],
)
def test_bad_settings_are_refused_at_their_field(client, run, change, place, words):
    body = {"release": run.release_id, "preset": "nearer", "seed": "0"} | change
    answer = client.post(reverse("admin:modeling_run_add"), body)
    assert answer.status_code == 200
    assert words in " ".join(answer.context["adminform"].form.errors[place])
    assert Run.objects.count() == 1


def test_a_run_of_other_joints_is_nothing_to_start_from(client, run, manager):
    other = runs.make_bare_run(runs.make_release(runs.make_labelled_campaign(n_people=6, per_person=2, owner=manager)))
    body = {"release": run.release_id, "preset": "nearer", "started_from": other.pk}
    errors = client.post(reverse("admin:modeling_run_add"), body).context["adminform"].form.errors
    assert "knows the joints of" in errors["started_from"][0]


def test_runs_are_compared_by_what_differs_and_what_they_cost(client, run):
    other = runs.make_bare_run(run.release, settings={"epochs": 60, "mirror": False}, note="longer")
    third = runs.make_bare_run(run.release, settings={"mirror": False})
    promoting.start(other, run.release.campaign.dataset, None)
    Promotion.objects.update(state="done", is_current=True)
    shown = page(client, "modeling_run_compare")
    assert shown.index(third.name) < shown.index(run.name)
    for words in ("<code>epochs</code>", "<code>mirror</code>", "gives the priors", "longer", "$3.00", "79.2 %", "89.0",
                  "Error against labels", "Error against dollars"):
        assert words in shown
    two = f"?dataset={run.release.campaign.dataset_id}&run={other.pk}&run={third.pk}"
    some = page(client, "modeling_run_compare", query=two)
    assert "<code>epochs</code>" in some and "<code>mirror</code>" not in some and "not compared" in some
    assert client.get(reverse("admin:modeling_run_compare") + "?dataset=999999").status_code == 404


def test_a_promotion_is_said_before_it_is_done_and_stands_on_every_page_after(client, run):
    dataset = run.release.campaign.dataset
    assert "prior of each of the 12 pairs" in page(client, "modeling_run_promote", run.pk)
    answer = client.post(reverse("admin:modeling_run_promote", args=[run.pk]), {"dataset": dataset.pk})
    job = Promotion.objects.get()
    assert answer.url == reverse("admin:modeling_promotion_change", args=[job.pk])
    assert "under way" in page(client, "modeling_run_change", run.pk)
    Promotion.objects.update(
        state="done", is_current=True, figures={"pairs": 12, "cross_fitted": 10, "parts": 5, "order": 0.71, "labels": 10},
    )
    assert "71.0 %" in page(client, "modeling_promotion_change", job.pk)
    assert "Gives the pairs of" in page(client, "modeling_run_change", run.pk)
    assert "gives them" in page(client, "modeling_run_changelist")
    assert "Withdraw the priors" in page(client, "annotation_dataset_change", dataset.pk)
    person = dataset.images.first().people.get()
    assert f"a prior from {run.name}" in page(client, "annotation_person_change", person.pk)
    client.post(reverse("admin:modeling_promotion_withdraw", args=[dataset.pk]))
    assert Promotion.objects.filter(run=None).count() == 1


def test_a_run_no_better_than_a_coin_is_promoted_with_a_tick_only(client, run):
    Run.objects.update(figures={"held_out": {"labels": 50, "order": 0.44, "of": "the release"}})
    address = reverse("admin:modeling_run_promote", args=[run.pk])
    assert "no better than a coin" in client.get(address).content.decode()
    assert client.post(address).status_code == 200 and not Promotion.objects.exists()
    client.post(address, {"anyway": "1"})
    assert Promotion.objects.get().anyway


def test_a_campaign_trains_by_itself_from_when_it_is_told(client, run, manager):
    campaign = run.release.campaign
    address = reverse("admin:modeling_cadence", args=[campaign.pk])
    client.post(address, {"every_votes": "10", "promotes": "on", "settings": '{"epochs": 5}', "seed": "0"})
    cadence = Cadence.objects.get(campaign=campaign)
    assert (cadence.every_votes, cadence.promotes, cadence.settings, cadence.set_by) == (10, True, {"epochs": 5}, manager)
    assert "After 10 newly verified votes" in page(client, "crowd_campaign_change", campaign.pk)
    assert "12 verified votes wait" in page(client, "modeling_cadence", campaign.pk)
    refused = client.post(address, {"every_votes": "0", "settings": '{"epoch": 5}'}).content.decode()
    assert "greater than or equal to 1" in refused and "unknown setting epoch" in refused
    client.post(address, {"every_votes": "", "promotes": "on", "settings": "{}"})
    cadence.refresh_from_db()
    assert cadence.every_votes is None
    assert LogEntry.objects.filter(object_repr=str(campaign)).count() == 2


def test_a_failed_round_stands_on_the_home_page_with_its_reason(client, run):
    Round.objects.create(
        campaign=run.release.campaign, n_new_votes=12, counted_until=run.created_at, state="failed",
        error="The run failed: no luck",
    )
    assert "The run failed: no luck" in page(client, "index")
    assert "The run failed: no luck" in page(client, "modeling_cadence", run.release.campaign_id)


def test_a_viewer_sees_and_changes_nothing_and_strangers_see_nothing(client, run):
    dataset, campaign = run.release.campaign.dataset, run.release.campaign
    job = promoting.start(run, dataset, None)
    acts = [
        reverse("admin:modeling_run_promote", args=[run.pk]), reverse("admin:modeling_run_onnx", args=[run.pk]),
        reverse("admin:modeling_promotion_withdraw", args=[dataset.pk]), reverse("admin:modeling_cadence", args=[campaign.pk]),
        reverse("admin:modeling_run_train", args=[run.release_id]),
    ]
    viewer = runs.make_researcher("Viewer")
    for row in (dataset, campaign):
        row.owner = viewer
        row.save()
    client.force_login(viewer)
    seen = {"modeling_run_change": run.pk, "modeling_promotion_change": job.pk, "modeling_cadence": campaign.pk}
    for name, pk in seen.items():
        shown = page(client, name, pk)
        assert not [words for words in ("Promote…", "Train again", "Make an ONNX file", "Train anew after") if words in shown]
    for address in acts:
        assert client.post(address).status_code == 403, address
    client.force_login(runs.make_researcher())
    for address in [*acts, reverse("admin:modeling_run_file", args=[run.pk, "run.json"])]:
        assert client.post(address).status_code == 404, address
    assert client.get(reverse("admin:modeling_promotion_change", args=[job.pk])).status_code == 302
    assert not OnnxExport.objects.exists() and Promotion.objects.count() == 1


def test_no_page_asks_more_often_because_there_is_more(client, run):
    campaign, dataset = run.release.campaign, run.release.campaign.dataset
    job = promoting.start(run, dataset, None)
    Promotion.objects.update(state="done", is_current=True)
    Cadence.objects.create(campaign=campaign, every_votes=5)
    pages = {
        "run": reverse("admin:modeling_run_change", args=[run.pk]), "list": reverse("admin:modeling_run_changelist"),
        "add": reverse("admin:modeling_run_add"), "compare": reverse("admin:modeling_run_compare"),
        "promote": reverse("admin:modeling_run_promote", args=[run.pk]),
        "promotion": reverse("admin:modeling_promotion_change", args=[job.pk]),
        "promotions": reverse("admin:modeling_promotion_changelist"),
        "data set": reverse("admin:annotation_dataset_change", args=[dataset.pk]),
        "campaign": reverse("admin:crowd_campaign_change", args=[campaign.pk]),
        "rounds": reverse("admin:modeling_cadence", args=[campaign.pk]), "home": reverse("admin:index"),
        "API": "/api/v1/runs/", "API, one": f"/api/v1/runs/{run.pk}/", "API, promotions": "/api/v1/promotions/",
    }

    def count() -> dict[str, int]:
        cache.clear()
        found = {}
        for name, url in pages.items():
            with CaptureQueriesContext(connection) as asked:
                assert client.get(url).status_code == 200, url
            found[name] = len(asked)
        return found

    few = count()
    keypoints = dataset.images.first().people.get().keypoints
    for _ in range(6):
        more = runs.make_bare_run(run.release)
        Promotion.objects.create(dataset=dataset, run=more, state="done")
        Round.objects.create(
            campaign=campaign, n_new_votes=5, counted_until=more.created_at, state="done", merge=run.release.merge,
            release=run.release, run=more,
        )
        person = factories.make_person(
            image=factories.make_image(dataset=dataset), keypoints=keypoints,
            occluded=[False] * 17, truth_mm=None,
        )
        Prediction.objects.create(run=run, person=person, pose_mm=[[0, 0, 0]] * 17)
        Pair.objects.create(person=person, first=1, second=2)
    many = count()
    assert {name: n for name, n in many.items() if n >= 20} == {}
    assert {name: (few[name], n) for name, n in many.items() if n > few[name] + 2} == {}
