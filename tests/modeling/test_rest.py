"""Runs, promotions and cadences through the programming interface, with the panel's rights."""

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from jobs import running
from modeling import keeping
from modeling.models import Cadence, OnnxExport, Promotion, Round, Run
from tests.factories import make_dataset
from tests.modeling import runs
from tests.programs import client_of, errors_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _place(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.fixture
def manager():
    return runs.make_researcher()


@pytest.fixture
def api(manager):
    return client_of(manager)


@pytest.fixture
def release(manager):
    return runs.make_release(runs.make_labelled_campaign(n_people=10, per_person=3, owner=manager))


def test_a_run_is_started_watched_and_taken_away(api, release, manager):
    body = {"release": release.pk, "settings": runs.QUICK, "seed": 2, "note": "by a program"}
    started = api.post("/api/v1/runs/", body, format="json")
    assert started.status_code == 201 and started.json()["state"] == "waiting"
    place = f"/api/v1/runs/{started.json()['id']}/"
    running.execute(Run.objects.get())
    curve = api.get(f"{place}curve/").json()
    assert curve["state"] == "done" and [entry["epoch"] for entry in curve["curve"]] == [1, 2, 3]
    seen = api.get(place).json()
    assert seen["settings"] == runs.QUICK and seen["note"] == "by a program" and seen["n_labels"] == 30
    assert seen["evaluation"]["pa_mpjpe_mm"] > 0 and set(seen["files"]) == {"weights.safetensors", "run.json", "log.jsonl"}
    answer = api.get(f"{place}files/weights.safetensors/")
    with keeping.open_file(Run.objects.get(), "weights.safetensors") as file:
        assert b"".join(answer.streaming_content) == file.read()
    assert api.get(f"{place}files/state.safetensors/").status_code == 404
    assert "evaluation" not in api.get("/api/v1/runs/").json()["results"][0]
    lines = LogEntry.objects.filter(user=manager).order_by("pk").values_list("change_message", flat=True)
    assert list(lines) == [f"Started on {release}.", "Downloaded weights.safetensors."]

    further = api.post("/api/v1/runs/", {"release": release.pk, "started_from": started.json()["id"]}, format="json")
    assert further.status_code == 201 and further.json()["started_from"] == started.json()["id"]


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ({"settings": {"epochs": 0}}, "settings", "epochs = 0: give a number from 1"),
        ({"settings": {"warm_start": "/etc"}}, "settings", "choose the run to start from"),
        ({"settings": ["epochs"]}, "settings", "names with values"),
        ({"started_from": 999}, "started_from", "does not exist"),
        ({"seed": -1}, "seed", "greater than or equal to 0"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused_with_the_place(api, release, body, place, words):
    answer = api.post("/api/v1/runs/", {"release": release.pk} | body, format="json")
    assert answer.status_code == 400 and words in str(errors_of(answer)[place])
    assert not Run.objects.exists()


def test_a_run_is_cancelled_by_who_started_it(api, release, manager):
    run = runs.make_bare_run(release, state="waiting", created_by=manager)
    assert api.post(f"/api/v1/runs/{run.pk}/cancel/").json()["state"] == "cancelled"
    others = runs.make_bare_run(release, state="running", created_by=runs.make_researcher())
    assert api.post(f"/api/v1/runs/{others.pk}/cancel/").status_code == 403
    others.refresh_from_db()
    assert others.state == "running"


def test_a_run_is_promoted_and_its_priors_withdrawn(api, release):
    run, dataset = runs.make_bare_run(release), release.campaign.dataset
    started = api.post(f"/api/v1/runs/{run.pk}/promote/", {}, format="json")
    assert started.status_code == 201 and started.json()["dataset"] == dataset.pk
    again = api.post("/api/v1/promotions/", {"dataset": dataset.pk, "run": run.pk}, format="json")
    assert again.status_code == 409 and "under way" in str(again.json())
    assert api.post(f"/api/v1/promotions/{started.json()['id']}/cancel/").json()["state"] == "cancelled"
    withdrawn = api.post("/api/v1/promotions/", {"dataset": dataset.pk}, format="json")
    assert withdrawn.status_code == 201
    running.execute(Promotion.objects.get(pk=withdrawn.json()["id"]))
    assert [(row["run"], row["is_current"]) for row in api.get("/api/v1/promotions/").json()["results"]] == [
        (None, True), (run.pk, False),
    ]
    Run.objects.update(figures={"held_out": {"labels": 9, "order": 0.3}})
    coin = api.post(f"/api/v1/runs/{run.pk}/promote/", {}, format="json")
    assert coin.status_code == 400 and "anyway = true" in errors_of(coin)["anyway"][0]
    assert api.post(f"/api/v1/runs/{run.pk}/promote/", {"anyway": True}, format="json").status_code == 201


def test_a_cadence_is_never_until_it_is_set(api, release):
    place = f"/api/v1/cadences/{release.campaign_id}/"
    assert api.get(place).json()["every_votes"] is None
    assert api.put(place, {"every_votes": 500, "settings": {"epochs": 9}}, format="json").json()["every_votes"] == 500
    assert Cadence.objects.get().promotes
    assert "unknown setting" in str(errors_of(api.put(place, {"settings": {"epoch": 9}}, format="json"))["settings"])
    assert "greater than or equal to 1" in str(errors_of(api.put(place, {"every_votes": 0}, format="json")))
    assert api.put(place, {"every_votes": None}, format="json").json()["every_votes"] is None


def test_an_onnx_file_is_asked_for_watched_and_stopped(api, release):
    run = runs.make_bare_run(release)
    asked = api.post(f"/api/v1/runs/{run.pk}/onnx/")
    assert asked.status_code == 202 and (asked.json()["run"], asked.json()["state"]) == (run.pk, "waiting")
    at = f"/api/v1/onnx-exports/{asked.json()['id']}/"
    assert [row["id"] for row in api.get("/api/v1/onnx-exports/", {"run": run.pk}).json()["results"]] == [asked.json()["id"]]
    assert api.post(f"{at}cancel/").json()["state"] == "cancelled" and api.get(at).json()["state"] == "cancelled"
    assert client_of(runs.make_researcher()).get(at).status_code == 404


def test_rounds_that_a_campaign_made_by_itself_are_seen_by_its_owner(api, release):
    row = Round.objects.create(campaign=release.campaign, n_new_votes=30, counted_until=timezone.now(), release=release)
    seen = api.get("/api/v1/rounds/", {"campaign": release.campaign_id, "state": "running"}).json()["results"]
    assert [(one["id"], one["release"], one["n_new_votes"]) for one in seen] == [(row.pk, release.pk, 30)]
    assert client_of(runs.make_researcher()).get(f"/api/v1/rounds/{row.pk}/").status_code == 404


def test_a_demonstration_is_started_and_stopped_by_a_program(api, manager):
    nothing_there = api.post("/api/v1/demonstrations/", {}, format="json")
    assert nothing_there.status_code == 400 and "setup_demo" in nothing_there.json()["detail"]
    make_dataset(owner=manager, source="demo")
    few = api.post("/api/v1/demonstrations/", {"workers": 2}, format="json")
    assert few.status_code == 400 and "at least 5" in few.json()["detail"]
    started = api.post("/api/v1/demonstrations/", {"workers": 8, "seed": 3}, format="json")
    assert started.status_code == 201 and started.json()["workers"] == 8
    at = f"/api/v1/demonstrations/{started.json()['id']}/"
    assert client_of(runs.make_researcher()).get(at).status_code == 404
    assert api.post(f"{at}cancel/").json()["state"] == "cancelled"
    assert client_of(runs.make_researcher("Viewer")).post("/api/v1/demonstrations/", {}, format="json").status_code == 403


def test_rights_are_the_panels(release, manager):
    run = runs.make_bare_run(release)
    acts = [
        ("post", "/api/v1/runs/", {"release": release.pk}), ("post", f"/api/v1/runs/{run.pk}/promote/", {}),
        ("post", f"/api/v1/runs/{run.pk}/onnx/", {}), ("post", f"/api/v1/runs/{run.pk}/cancel/", {}),
        ("post", "/api/v1/promotions/", {"dataset": release.campaign.dataset_id}),
        ("put", f"/api/v1/cadences/{release.campaign_id}/", {"every_votes": 3}),
    ]
    looks = [f"/api/v1/runs/{run.pk}/", f"/api/v1/runs/{run.pk}/curve/", f"/api/v1/cadences/{release.campaign_id}/"]
    manager.groups.set([])
    for name, words in (("nobody", 403), ("viewer", 200)):
        if name == "viewer":
            manager.groups.set(runs.make_researcher("Viewer").groups.all())
        me = client_of(type(manager).objects.get(pk=manager.pk))
        assert [me.get(place).status_code for place in looks] == [words] * 3, name
        assert [getattr(me, verb)(place, body, format="json").status_code for verb, place, body in acts] == [403] * 6, name
    stranger = client_of(runs.make_researcher())
    assert [stranger.get(place).status_code for place in looks] == [404] * 3
    codes = [getattr(stranger, verb)(place, body, format="json").status_code for verb, place, body in acts]
    assert codes == [400, 404, 404, 404, 400, 404]
    assert not Promotion.objects.exists() and not OnnxExport.objects.exists() and Run.objects.count() == 1
