"""A merge is written out as files with a manifest: what is published, and what the lifter learns from.

The same votes, settings and seed give the same bytes: rows are sorted by the names of
images, times of writing are left out, and pseudonyms are keyed with the release's name.
"""

import csv
import hashlib
import hmac
import io
import json
import re
from collections.abc import Iterator

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from annotation.models import Annotator, Image, Pair
from config import __version__
from crowd import merging
from crowd.models import Merge, Release
from jobs import running
from jobs.running import JobError, Report

FORMAT_VERSION = 1
CONVENTIONS = {
    "label": "0: kp0, the first keypoint of the pair, is closer to the camera; 1: kp1, the second, is",
    "p_first": "probability that the first keypoint of the pair is closer to the camera",
    "axes": "x right, y down, z away from the camera; keypoints in pixels, poses in millimetres with the root at 0",
    "order": "which keypoint is first was drawn at random and means nothing",
}


def start(merge: Merge, user, name: str | None = None) -> Release:
    """Queue the writing of a release; watch the row that is returned.

    Raises: ValueError if the merge is not done or the name is taken.
    """
    if not merge.is_done:
        raise ValueError("Only a merge that is done can be released.")
    name = name or f"{re.sub(r'[^a-z0-9]+', '-', merge.campaign.name.lower()).strip('-')}-{merge.pk}"
    number = 2
    wanted = name
    while Release.objects.filter(name=name).exists():
        name, number = f"{wanted}-{number}", number + 1
    return running.start(Release(campaign=merge.campaign, merge=merge, name=name, created_by=user))


def open_file(release: Release, filename: str):
    """One of the release's files, opened for reading bytes.

    Raises: FileNotFoundError for a name that is not in the release.
    """
    if filename not in release.files:
        raise FileNotFoundError(f"The release {release.name} has no file {filename}.")
    return storages["private"].open(f"{release.folder}/{filename}")


def run(job: Release, report: Report) -> None:
    """Write all files, then the manifest; the row is done only when every file is there."""
    report(0.05, "reading the consensus")
    content = _Content(job)
    writers = {
        "pairs.csv": content.pairs_csv, "votes.csv": content.votes_csv, "workers.csv": content.workers_csv,
        "relative_depth.json": content.paper_json, "training.npz": content.training_npz,
    }
    storage = storages["private"]
    files = {}
    for number, (name, write) in enumerate(writers.items()):
        report(0.1 + 0.8 * number / len(writers), f"writing {name}")
        files[name] = _store(storage, job, name, write())
    manifest = json.dumps(content.manifest(files), indent=1, sort_keys=True).encode() + b"\n"
    files["manifest.json"] = _store(storage, job, "manifest.json", manifest)
    with report.final():
        Release.objects.filter(pk=job.pk).update(files=files)


def _store(storage, release: Release, name: str, content: bytes) -> dict:
    path = f"{release.folder}/{name}"
    if storage.exists(path):  # left by a process that died
        storage.delete(path)
    storage.save(path, ContentFile(content))
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _csv(header: list[str], rows: Iterator[list]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


class _Content:
    """What a release holds, read once: one merge's consensus with its images, people and votes."""

    def __init__(self, release: Release):
        self.release, self.merge = release, release.merge
        self.dataset = release.campaign.dataset
        self.skeleton = self.dataset.skeleton
        self.consensus = {row.pair_id: row for row in self.merge.consensuses.all()}
        if not self.consensus:
            raise JobError("This merge holds no consensus; merge again.")
        pairs = Pair.objects.of_dataset(self.dataset).select_related("person__image")
        self.pairs = [
            pair for pair in pairs.order_by("person__image__name", "person__number", "first", "second")
            if pair.pk in self.consensus
        ]
        self.votes = merging.standing_votes(merging.votes_of(release.campaign).filter(pk__lte=self.merge.votes_upto))
        self.pseudonyms = self._pseudonyms()

    def _pseudonyms(self) -> dict[int, str]:
        """A name for each annotator that holds in this release only, and tells nothing without the server's key."""
        key = f"{settings.SECRET_KEY}:release:{self.release.name}".encode()
        rows = Annotator.objects.filter(pk__in=np.unique(self.votes.annotator).tolist()).values_list("pk", "pseudonym")
        return {pk: "w" + hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:12] for pk, name in rows}

    def pairs_csv(self) -> bytes:
        joints = self.skeleton.joints
        header = ["image", "person", "first", "second", "first_joint", "second_joint", "p_first", "risk", "votes"]
        return _csv(header, (
            [
                pair.person.image.name, pair.person.number, pair.first, pair.second, joints[pair.first], joints[pair.second],
                f"{row.p_first:.6f}", f"{row.risk:.6f}", row.n_votes,
            ]
            for pair in self.pairs
            for row in [self.consensus[pair.pk]]
        ))

    def votes_csv(self) -> bytes:
        header = ["image", "person", "first", "second", "worker", "chose_first", "first_is_green", "first_is_left"]
        of_pair: dict[int, list[list]] = {}
        votes = self.votes
        for pair, annotator, *facts in zip(
            votes.pair.tolist(), votes.annotator.tolist(), votes.chose_first.tolist(),
            votes.first_is_green.tolist(), votes.first_is_left.tolist(),
        ):
            of_pair.setdefault(pair, []).append([self.pseudonyms[annotator], *map(int, facts)])
        return _csv(header, (
            [pair.person.image.name, pair.person.number, pair.first, pair.second, *vote]
            for pair in self.pairs
            for vote in sorted(of_pair.get(pair.pk, ()))
        ))

    def workers_csv(self) -> bytes:
        header = ["worker", "votes", "agreement", "skill", "skill_low", "skill_high"]
        rows = [
            [
                self.pseudonyms[row.annotator_id], row.n_votes, "" if row.agreement is None else f"{row.agreement:.6f}",
                f"{row.skill:.6f}", f"{row.low:.6f}", f"{row.high:.6f}",
            ]
            for row in self.merge.skills.all()
            if row.annotator_id in self.pseudonyms
        ]
        return _csv(header, iter(sorted(rows)))

    def paper_json(self) -> bytes:
        """The format in which the paper's authors released their labels."""
        images: dict[int, dict] = {}
        for pair in self.pairs:
            person, row = pair.person, self.consensus[pair.pk]
            entry = images.setdefault(person.pk, {
                "im_file": person.image.name,
                "is_train": self._is_train(person.image),
                "keypoints": [coordinate for place in person.keypoints for coordinate in (place or (-1, -1))],
                "occluded": [int(flag) for flag in person.occluded],
                "anns": [],
            })
            label = int(row.p_first < 0.5)
            entry["anns"].append({
                "kp0": pair.first, "kp1": pair.second, "label": label,
                "prob": round(max(row.p_first, 1 - row.p_first), 6), "risk": round(row.risk, 6), "original_id": pair.pk,
            })
        content = {"joint_names": self.skeleton.joints, "images": list(images.values())}
        return json.dumps(content, indent=None, separators=(",", ":")).encode() + b"\n"

    @staticmethod
    def _is_train(image: Image) -> bool:
        """Four of five images, by the hash of the content, so that a picture never changes sides."""
        return int(image.sha256[-8:], 16) % 5 != 0

    def training_npz(self) -> bytes:
        """What the lifter reads; arrays are described in `docs/formats.md`."""
        people = list({pair.person_id: pair.person for pair in self.pairs}.values())
        number = {person.pk: index for index, person in enumerate(people)}
        missing = [float("nan")] * 2
        unknown = [[float("nan")] * 3] * len(self.skeleton.joints)
        rows = [self.consensus[pair.pk] for pair in self.pairs]
        arrays = {
            "pose2d": np.array([[place or missing for place in person.keypoints] for person in people], np.float32),
            "visible": np.array([[place is not None for place in person.keypoints] for person in people], bool),
            "image_size": np.array([[person.image.width, person.image.height] for person in people], np.int32),
            "person": np.array([person.key for person in people]),
            "is_train": np.array([self._is_train(person.image) for person in people], bool),
            "pair_person": np.array([number[pair.person_id] for pair in self.pairs], np.int32),
            "pair_joints": np.array([[pair.first, pair.second] for pair in self.pairs], np.int16),
            "p_first": np.clip(np.array([row.p_first for row in rows], np.float32), 1e-6, 1 - 1e-6),
            "risk": np.array([row.risk for row in rows], np.float32),
            "votes": np.array([row.n_votes for row in rows], np.int32),
        }
        if any(person.truth_mm for person in people):
            arrays["pose3d"] = np.array([person.truth_mm or unknown for person in people], np.float32)
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)
        return content.getvalue()

    def manifest(self, files: dict) -> dict:
        merge, skeleton = self.merge, self.skeleton
        return {
            "format": "nearer-release", "version": FORMAT_VERSION, "name": self.release.name,
            "software": f"Nearer {__version__}",
            "dataset": {
                "name": self.dataset.name, "licence": self.dataset.licence, "citation": self.dataset.citation,
                "description": self.dataset.description,
            },
            "skeleton": {
                "name": skeleton.name, "joints": skeleton.joints, "bones": skeleton.bones, "mirror": skeleton.mirror,
                "root": skeleton.root,
            },
            "conventions": CONVENTIONS,
            "merge": {"method": merge.method, "seed": merge.seed, "settings": merge.figures.get("settings", {}),
                      "notes": merge.figures.get("notes", [])},
            "counts": {
                "people": len({pair.person_id for pair in self.pairs}), "pairs": len(self.pairs),
                "votes": len(self.votes.pair), "workers": len(self.pseudonyms),
            },
            "files": files,
        }
