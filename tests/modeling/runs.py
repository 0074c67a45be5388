"""A small data set that something can be learnt from, its labels released, and runs on it."""

from django.contrib.auth.models import Group

from annotation.panel import roles
from crowd import merging, releasing
from crowd.models import Campaign, Release
from jobs import running
from modeling import training
from modeling.models import Run
from tests import factories
from tests.modeling.lifting import make

QUICK = {"epochs": 3, "width": 16, "batch": 16}
WELL = {"epochs": 40, "width": 32, "batch": 16}  # enough to be better than chance


def make_labelled_campaign(*, n_people: int = 30, per_person: int = 4, right: bool = True, owner=None, **overrides) -> Campaign:
    """People with a known 3D structure, each pair answered once and verified; all answers right, or all wrong."""
    people = make.make_people(n_people, pairs=per_person, bend=0.1)
    skeleton = factories.make_skeleton(
        joints=list(make.NAMES_17), bones=[list(bone) for bone in make.BONES_17], mirror=list(make.MIRROR_17), root=0,
        figure=[[0.5, 0.5]] * 17,
    )
    dataset = factories.make_dataset(skeleton=skeleton, owner=owner)
    rows = [
        factories.make_person(
            # Names decide who is held out: the same in every test, lest its luck depend on the tests before it.
            image=factories.make_image(dataset=dataset, name=f"person{number:04d}.png", width=1000, height=1000),
            keypoints=pose2d.tolist(),
            occluded=[False] * 17, truth_mm=pose3d.tolist(),
        )
        for number, (pose2d, pose3d) in enumerate(zip(people.pose2d.astype(float), people.pose3d.astype(float)))
    ]
    pairs = [
        factories.make_pair(person=rows[person], first=int(first), second=int(second))
        for person, (first, second) in zip(people.pair_person, people.pair_joints)
    ]
    campaign = factories.make_campaign(dataset=dataset, state="collecting", **overrides)
    vote_on(campaign, pairs, right=right)
    return campaign


def vote_on(campaign: Campaign, pairs: list, *, right: bool = True) -> None:
    """One more worker's verified answer to each of the pairs."""
    hit = factories.make_hit(campaign=campaign, pairs=pairs, max_assignments=1)
    factories.answer(factories.make_assignment(hit=hit).task, lambda pair: pair.truth_first == right)


def make_release(campaign: Campaign | None = None, **overrides) -> Release:
    campaign = campaign or make_labelled_campaign(**overrides)
    merge = running.execute(merging.start(campaign, campaign.owner, method="majority"))
    return make_release_of(merge)


def make_run(release: Release | None = None, *, settings: dict | None = None, **options) -> Run:
    """Trained to its end."""
    release = release or make_release()
    run = running.execute(training.start(release, release.campaign.owner, settings=settings or QUICK, **options))
    assert run.is_done, run.error
    return run


def make_release_of(merge) -> Release:
    release = running.execute(releasing.start(merge, merge.campaign.owner, formats=["csv"]))
    assert release.is_done, release.error
    return release


CURVE = [{"epoch": n, "loss": 2 / n, "held_out_loss": 2.2 / n, "held_out_order": 0.5 + n / 50} for n in range(1, 11)]
EVALUATION = {
    "of": "people kept out of training", "people": 6, "mpjpe_mm": 101.0, "pa_mpjpe_mm": 82.5, "mpjpe_paper_scale_mm": 108.2,
    "pck_150": 0.81, "per_joint_mm": {"hip": 0.0, "right hip": 60.5}, "per_joint_pa_mm": {"hip": 31.0, "right hip": 44.1},
    "order_by_gap": {
        "all": {"share": 0.83, "pairs": 816}, "0-50": {"share": 0.6, "pairs": 300}, "over 400": {"share": 0.97, "pairs": 90},
    },
    "calibration": {
        "log_loss": 0.41, "brier": 0.14, "calibration_error": 0.032, "bins": [{"said": 0.55, "right": 0.57, "pairs": 200}],
    },
    "labels": 24, "labels_wrong": 0.2083, "label_log_loss": 0.512,
}


def make_bare_run(release: Release | None = None, **overrides) -> Run:
    """A row as after a training, without the training."""
    release = release or make_release(make_labelled_campaign(n_people=6, per_person=2))
    number = Run.objects.count() + 1
    fields = {
        "name": f"run{number}", "release": release, "state": Run.State.DONE, "progress": 1,
        "created_by": release.campaign.owner,
        "n_labels": 12 * number, "n_votes": 12 * number, "spent_usd": number, "curve": CURVE, "evaluation": EVALUATION,
        "figures": {
            "before": {"pa_mpjpe_mm": 140.0, "mpjpe_mm": 170.0},
            "after": {"pa_mpjpe_mm": 90.0 - number, "mpjpe_mm": 101.0, "order_accuracy": 0.83, "labels_wrong": 0.2083},
            "held_out": {"labels": 24, "order": 0.7917, "of": "the release"}, "people_were_kept_out": True,
            "settings": {"method": "depth", "width": 64},
        },
    } | overrides
    return Run.objects.create(**fields)


def make_researcher(role: str | None = "Manager"):
    """Staff with a role, and no superuser."""
    roles.ensure()
    user = factories.make_user(is_superuser=False)
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user
