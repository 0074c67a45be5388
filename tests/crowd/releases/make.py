"""Releases in tests: a campaign that is the same whatever its primary keys, merged and written out."""

import csv
import io
import json
import random
from datetime import UTC, datetime
from pathlib import Path

from annotation.models import Annotator, Task
from crowd import merging, releasing
from crowd.models import Campaign, Merge, Release
from jobs import running
from tests import factories

DAY = datetime(2026, 5, 4, 12, tzinfo=UTC)


def merged(campaign: Campaign, **options) -> Merge:
    merge = running.execute(merging.start(campaign, campaign.owner, **options))
    assert merge.is_done, merge.error
    return merge


def released(merge: Merge, **options) -> Release:
    release = running.execute(releasing.start(merge, merge.created_by, **options))
    assert release.is_done, release.error
    return release


def read(release: Release, name: str) -> bytes:
    with releasing.open_file(release, name) as file:
        return file.read()


def rows(release: Release, name: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(read(release, name).decode())))


def manifest(release: Release) -> dict:
    return json.loads(read(release, "manifest.json"))


def unpack(release: Release, folder: Path) -> Path:
    """The release's files in a folder, as somebody has them who fetched them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in release.files:
        (folder / name).write_bytes(read(release, name))
    return folder


def make_known_campaign(*, n_images: int = 6, votes: int = 5, backwards: bool = False, **overrides) -> Campaign:
    """Always the same pictures, people and votes, under names that hold anywhere; `backwards` makes rows in another order."""
    dataset = factories.make_dataset(
        name="known people", description="People who are always the same.", licence="CC BY 4.0", citation="Known et al. 2026",
        skeleton=factories.make_skeleton(name="known"),
    )
    numbers = list(range(n_images))[:: -1 if backwards else 1]
    pairs = []
    for number in numbers:
        image = factories.make_image(dataset=dataset, name=f"known-{number:02d}.png", sha256=f"{7919 * number:064x}")
        person = factories.make_person(image=image, truth_mm=[[0, -600, 100 - 40 * number], [0, -450, 40], [0, 0, 0],
                                                              [100, 450, -60], [-100, 450, 90]])  # fmt: skip
        pairs += [factories.make_pair(person=person, first=a, second=b) for a, b in ((0, 1), (2, 1), (3, 4))]
    overrides.setdefault("environment", factories.make_environment(name="known place"))
    campaign = factories.make_campaign(name="known", dataset=dataset, **overrides)
    hit = factories.make_hit(campaign=campaign, pairs=pairs, max_assignments=votes)
    for voter in list(range(votes))[:: -1 if backwards else 1]:
        task = factories.make_assignment(hit=hit).task
        Annotator.objects.filter(pk=task.annotator_id).update(pseudonym=f"known-{voter}")
        for comparison in task.comparisons.select_related("pair__person__image"):
            pair = comparison.pair
            draw = random.Random(f"{voter} {pair.person.image.name} {pair.first} {pair.second}")
            comparison.first_is_green, comparison.first_is_left = draw.random() < 0.5, draw.random() < 0.5
            right = draw.random() < 0.8
            factories.cast(comparison, 1 if pair.truth_first == right else 2, response_ms=1500 + 100 * voter, given_at=DAY)
        Task.objects.filter(pk=task.pk).update(handed_in_at=DAY, verified_at=DAY)
    return campaign
