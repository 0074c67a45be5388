"""The two JSON forms: the paper's own, and COCO's keypoints with relative depth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from crowd.releases.rows import About, Batch, PairRow, PersonRow

# The fourteen joints of Leeds Sports Pose as the paper's code looks for them, in the order that its plots take for granted.
PAPER_JOINTS = [
    "head", "neck", *(f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
                      for side in ("left", "right")),
]  # fmt: skip


def paper_joint_names(joints: list[str]) -> list[str]:
    """With underscores, and the head's top called as in the paper's code, unless something else is called so."""
    return ["head" if name == "head top" and "head" not in joints else name.replace(" ", "_") for name in joints]


_dump = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class PaperWriter:
    """`relative_depth.json`, key by key as the paper's authors released their labels on Leeds Sports Pose.

    A skeleton of their fourteen joints is written in their order, which part of their code assumes, and so are its
    pictures, in the folder `images/`; every other skeleton in its own order, its pictures under their own names.
    `label` 0 means that kp0 is closer. `prob` is the probability of label 1, that is of kp1, whatever the label: so
    the paper's merging code stores it and so its plots read it. `risk` is the probability that the label is wrong.
    One entry for each person; (-1, -1) is a missing keypoint. `original_id` names the pair as the paper's items were
    named, image and joints.
    """

    def __init__(self, folder: Path, about: About):
        names = paper_joint_names(about.joints)
        self._is_papers = set(names) == set(PAPER_JOINTS)
        self._joints = [names.index(name) for name in (PAPER_JOINTS if self._is_papers else names)]
        self._place = {joint: place for place, joint in enumerate(self._joints)}
        self._file = (folder / "relative_depth.json").open("w", encoding="utf-8", newline="")
        self._file.write(f'{{"joint_names":{_dump([names[joint] for joint in self._joints])},"images":[')
        self._separator = "\n"

    def add(self, batch: Batch) -> None:
        for person in batch.people:
            self._file.write(self._separator + _dump(self._entry(person)))
            self._separator = ",\n"

    def _entry(self, person: PersonRow) -> dict:
        return {
            "im_file": f"images/{person.image}" if self._is_papers and "/" not in person.image else person.image,
            "is_train": person.is_train,
            "keypoints": [number for joint in self._joints for number in (person.keypoints[joint] or (-1, -1))],
            "occluded": [int(person.occluded[joint]) for joint in self._joints],
            "anns": [self._ann(person, pair) for pair in person.pairs],
        }

    def _ann(self, person: PersonRow, pair: PairRow) -> dict:
        kp0, kp1 = self._place[pair.first], self._place[pair.second]
        return {
            "kp0": kp0, "kp1": kp1, "label": int(pair.p_first < 0.5), "prob": round(1 - pair.p_first, 6), "risk": pair.risk,
            "original_id": f"{person.key}_{kp0},{kp1}",
        }

    def close(self) -> list[str]:
        self._file.write("\n]}\n")
        self._file.close()
        return ["relative_depth.json"]


class CocoWriter:
    """`coco_keypoints.json`: valid for pycocotools; each annotation carries `relative_depth` besides.

    `keypoints` are x, y, v with v 0 missing, 1 occluded, 2 visible; the box is the keypoints' own, the area the box's.
    Images are numbered from 1 in the order of their names, annotations in the order of people.
    """

    def __init__(self, folder: Path, about: About):
        self._folder, self._about = folder, about
        self._images_path, self._annotations_path = folder / "coco.images.part", folder / "coco.annotations.part"
        self._images = self._images_path.open("w", encoding="utf-8", newline="")
        self._annotations = self._annotations_path.open("w", encoding="utf-8", newline="")
        self._image, self._image_id, self._annotation_id = None, 0, 0

    def add(self, batch: Batch) -> None:
        for person in batch.people:
            if person.image != self._image:
                self._image, self._image_id = person.image, self._image_id + 1
                entry = {"id": self._image_id, "file_name": person.image, "width": person.width, "height": person.height,
                         "license": 1, "split": "train" if person.is_train else "test"}
                self._images.write(("\n" if self._image_id == 1 else ",\n") + _dump(entry))
            self._annotation_id += 1
            self._annotations.write(("\n" if self._annotation_id == 1 else ",\n") + _dump(self._annotation(person)))

    def _annotation(self, person: PersonRow) -> dict:
        flat: list[float] = []
        for place, hidden in zip(person.keypoints, person.occluded):
            flat += [0, 0, 0] if place is None else [*place, 1 if hidden else 2]
        known = [place for place in person.keypoints if place is not None]
        left, top = (min(place[axis] for place in known) for axis in (0, 1))
        width, height = (max(place[axis] for place in known) - low for axis, low in ((0, left), (1, top)))
        return {
            "id": self._annotation_id, "image_id": self._image_id, "category_id": 1, "iscrowd": 0,
            "keypoints": flat, "num_keypoints": len(known), "bbox": [left, top, width, height], "area": width * height,
            "segmentation": [],
            "relative_depth": [
                {"first": pair.first, "second": pair.second, "p_first": pair.p_first, "risk": pair.risk,
                 "votes": len(pair.votes)}
                for pair in person.pairs
            ],
        }

    def close(self) -> list[str]:
        about = self._about
        self._images.close()
        self._annotations.close()
        head = {
            "info": {"description": about.description or about.dataset["name"], "version": about.name,
                     "contributor": about.software},
            "licenses": [{"id": 1, "name": about.licence or "not stated", "url": ""}],
            "categories": [{
                "id": 1, "name": "person", "supercategory": "person",
                "keypoints": [name.replace(" ", "_") for name in about.joints],
                "skeleton": [[a + 1, b + 1] for a, b in about.skeleton["bones"]],  # COCO counts joints from 1
            }],
        }
        with (self._folder / "coco_keypoints.json").open("wb") as file:
            file.write(_dump(head)[:-1].encode())
            for name, part in (("images", self._images_path), ("annotations", self._annotations_path)):
                file.write(f',\n"{name}":['.encode())
                with part.open("rb") as source:
                    shutil.copyfileobj(source, file)
                file.write(b"\n]")
                part.unlink()
            file.write(b"}\n")
        return ["coco_keypoints.json"]
