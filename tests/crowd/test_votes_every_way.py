"""Votes that exist already come in by panel, command and interface alike, from each of the three kinds of files."""

import csv
import io
import json
import pickle

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from annotation.models import Vote
from crowd.models import VoteImport
from crowd.vote_files import FORMATS
from jobs import running
from tests import factories
from tests.programs import client_of, make_member

pytestmark = pytest.mark.django_db


def make_people(owner, name: str):
    """Three pictures as the paper's are called, with joints under names that its files know too."""
    dataset = factories.make_dataset(owner=owner, name=name)
    for number in (1, 2, 3):
        factories.make_person(image=factories.make_image(dataset=dataset, name=f"im{number:04d}.jpg"))
    return dataset


def table() -> bytes:
    rows = ("1.jpg_neck,left knee\",A,1", "2.jpg_neck,left knee\",A,0", "3.jpg_neck,left knee\",B,1")
    return "\n".join(["item,worker,label", *(f"\"im000{row}" for row in rows)]).encode()


def results() -> bytes:
    """Of the paper's own HITs, as the marketplace exports them; joints 1 and 10 are neck and left knee there."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(("HITId", "AssignmentId", "WorkerId", "AssignmentStatus", "Answer._trials_results"))
    for image, worker, said in ((1, "A", -1), (2, "A", 1), (3, "B", -1)):
        trial = {"_lsp_subj_id": image - 1, "_depth_str": json.dumps({"keypoint_comparisons_res": {"1,10": said}})}
        rows.writerow((f"H{image}", f"{worker}{image}", worker, "Approved", json.dumps([trial])))
    return out.getvalue().encode()


def raw_answers() -> bytes:
    def assignment(image: int, worker: str, said: int) -> dict:
        trial = {"img_id": image - 1, "depth": {"keypoint_comparisons_res": {"1,10": said}}}
        return {"worker_id": worker, "assignment_id": f"{worker}{image}", "hit_id": image, "trials": [trial]}

    return pickle.dumps([assignment(1, "A", -1), assignment(2, "A", 1), assignment(3, "B", -1)], 2)


FILES = {"csv": ("votes.csv", table), "mturk-csv": ("results.csv", results), "paper-pickle": ("answers.pkl", raw_answers)}


def votes(dataset) -> list:
    """Picture, joints, what was chosen, and who chose it."""
    found = Vote.objects.filter(pair__person__image__dataset=dataset).select_related("pair__person__image")
    return sorted(
        (one.pair.person.image.name, one.pair.first, one.pair.second, one.choice, one.annotator_id) for one in found
    )


@pytest.mark.parametrize("format", FORMATS)
def test_panel_command_and_interface_read_the_same_votes(client, tmp_path, format):
    owner = make_member("Manager")
    by_command, by_program, by_hand = (make_people(owner, name) for name in ("one", "two", "three"))
    name, write = FILES[format]
    (tmp_path / name).write_bytes(write())
    call_command("import_votes", tmp_path / name, dataset="one", name="by command", format=format)
    answer = client_of(owner).post("/api/v1/vote-imports/", {
        "dataset": by_program.pk, "name": "by program", "file": SimpleUploadedFile(name, write()),
    }, format="multipart")  # fmt: skip
    assert answer.status_code == 201, answer.json()
    client.force_login(owner)
    answer = client.post(reverse("admin:crowd_voteimport_add"), {
        "dataset": by_hand.pk, "name": "by hand", "file": SimpleUploadedFile(name, write()), "format": "auto",
    })  # fmt: skip
    assert answer.status_code == 302, answer.content
    for job in VoteImport.objects.filter(state=VoteImport.State.WAITING):
        done = running.execute(job)
        assert done.is_done, done.error
    assert votes(by_command) == votes(by_program) == votes(by_hand)
    chosen = [(picture, first, second, choice) for picture, first, second, choice, _ in votes(by_hand)]
    assert chosen == [("im0001.jpg", 1, 3, 1), ("im0002.jpg", 1, 3, 2), ("im0003.jpg", 1, 3, 1)]  # neck, left knee
    assert len({annotator for *_, annotator in votes(by_hand)}) == 2
