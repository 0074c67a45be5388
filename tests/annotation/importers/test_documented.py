"""What docs/formats.md shows is imported as it stands there; the published schema and the importer agree."""

import contextlib
import json
import os
import re
from pathlib import Path

import h5py
import jsonschema
import numpy as np
import pytest
import scipy.io

from annotation.importers import FORMATS, READERS, BadDataset, Options
from annotation.importers import skeletons as plain
from tests.annotation.importers import makers

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "formats.md").read_text()
EXAMPLES = re.findall(r"^```(\w+) ([\w-]+)(?: (\S+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SCHEMA = json.loads((DOCS / "schemas" / "nearer-dataset.schema.json").read_text())


def write_examples(format: str, folder: Path, only: str | None = None) -> None:
    for language, of, name, content in EXAMPLES:
        if of != format or (only and name != only):
            continue
        if language == "python":
            with contextlib.chdir(folder):
                exec(content, {"np": np, "scipy": scipy, "h5py": h5py, "os": os})
        else:
            (folder / name).write_text(content)


def test_every_format_has_an_example():
    assert {of for _, of, _, _ in EXAMPLES} == {*FORMATS, "skeleton"}


PEOPLE = {"lsp": 2, "coco": 1, "mpii": 1, "h36m-h5": 3, "h36m-npz": 3, "mocap": 1, "openpose": 1, "csv": 2, "nearer": 1}


@pytest.mark.parametrize("format", FORMATS)
def test_the_example_of_a_format_is_read_as_it_stands_in_the_docs(tmp_path, format):
    write_examples(format, tmp_path, only="train.json" if format == "mpii" else None)
    options = Options(skeleton="lsp-14" if format == "csv" else "")
    images = list(READERS[format](tmp_path, options).images)
    assert sum(len(image.people) for image in images) == PEOPLE[format]
    assert any(point for person in images[0].people for point in person.keypoints)


def test_mpiis_release_of_the_docs_is_read_too(tmp_path):
    for language, of, _, content in EXAMPLES:
        if of == "mpii" and language == "python":
            with contextlib.chdir(tmp_path):
                exec(content, {"np": np, "scipy": scipy})
    (image,) = READERS["mpii"](tmp_path, Options()).images
    assert image.name == "015601864.jpg" and image.people[0].keypoints[6] == (30, 20)


def test_both_forms_of_human36m_in_the_docs_are_the_same_pose(tmp_path):
    found = []
    for format in ("h36m-h5", "h36m-npz"):
        (tmp_path / format).mkdir()
        write_examples(format, tmp_path / format)
        found.append(next(iter(READERS[format](tmp_path / format, Options()).images)).people[0].truth_mm)
    assert np.allclose(*found, atol=0.2)


def test_the_skeleton_of_the_docs_is_one(tmp_path):
    write_examples("skeleton", tmp_path)
    assert plain.read(tmp_path / "skeleton.json").joints[0] == "neck"


def valid(content: dict) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(content)


def edit(**changes):
    return lambda content: content.update(changes)


def of_person(**changes):
    return lambda content: content["images"][0]["people"][0].update(changes)


@pytest.mark.parametrize(("change", "good"), [
    (edit(), True), (edit(extra=1), True), (edit(skeleton="lsp-14"), True), (edit(version=2), False), (edit(format="x"), False),
    (edit(images=[]), False), (edit(images={}), False), (edit(skeleton=3), False),
    (lambda c: c["images"][0].pop("file"), False), (lambda c: c["images"][0].update(file="../a.jpg"), False),
    (lambda c: c["images"][0].update(file="/a.jpg"), False),
    (lambda c: c["images"][0].update(file="https://a.org/a.jpg"), True),
    (lambda c: c["images"][0].update(people=None), False), (of_person(keypoints=[[1, 2]]), False),
    (of_person(keypoints=[[1, 2, 0.5]] * 5), False), (of_person(occluded=[2] * 5), False),
    (of_person(pose3d_mm=[[1, 2]] * 5), False),
    (of_person(pose3d_mm=None), True), (lambda c: c["skeleton"].update(root=-1), False),
])
def test_the_published_schema_and_the_importer_agree(tmp_path, change, good):
    folder = makers.write_nearer(tmp_path, edits=[change])
    assert valid(json.loads((folder / "dataset.json").read_text())) == good
    try:
        list(READERS["nearer"](folder, Options()).images)
        accepted = True
    except BadDataset:
        accepted = False
    assert accepted == good
