"""A release comes back as arrays, from a folder, a zip or the paper's JSON; what is wrong with it is said."""

import hashlib
import io
import json
import random
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import nearer
from nearer.__main__ import main
from tests.spoiling import odd_bytes, odd_json

pytestmark = pytest.mark.django_db  # the release that is read was written by a database


def rewrite(folder, name, content: bytes, *, honest: bool = True) -> None:
    """Another content for a file, with the manifest's blessing or without."""
    (folder / name).write_bytes(content)
    if honest:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        (folder / "manifest.json").write_text(json.dumps(manifest))


def rearranged(folder, name="training.npz", **changes) -> None:
    """The archive with some arrays changed (None: left out)."""
    with np.load(folder / name) as archive:
        arrays = {key: archive[key] for key in archive.files} | changes
    content = io.BytesIO()
    np.savez(content, **{key: value for key, value in arrays.items() if value is not None})
    rewrite(folder, name, content.getvalue())


def test_arrays_fit_together_and_say_what_the_tables_say(folder):
    found = nearer.load(folder)
    assert found.keypoints.shape == (6, 5, 2) and found.pairs.shape == (18, 2) and len(found) == 18
    assert found.joints == ("head", "neck", "hip", "left knee", "right knee") and found.root == 2
    assert found.mirror.tolist() == [0, 1, 2, 4, 3] and found.bones.shape == (4, 2)
    assert found.truth.shape == (6, 5, 3) and found.image[0] == "known-00.png" and found.person[0] == "known-00.png#0"
    table = (folder / "pairs.csv").read_text().splitlines()[1:]
    columns = zip(table, found.pair_person, found.pairs, found.p_first, found.risk)
    for row, person, (first, second), p_first, risk in columns:
        image, _, a, b, name_a, name_b, p, r, votes, split = row.split(",")
        assert (image, int(a), int(b)) == (found.image[person], first, second)
        assert (name_a, name_b, split) == (found.joints[first], found.joints[second], found.split[person])
        assert float(p) == pytest.approx(p_first, abs=1e-6) and float(r) == pytest.approx(risk, abs=1e-6) and votes == "5"
    assert found.n_votes.tolist() == [5] * 18 and set(found.split) == {"train", "test"}


def test_votes_and_workers_are_read_when_asked_for(folder):
    found = nearer.load(folder)
    votes, workers = found.votes, found.workers
    assert len(votes) == 90 and len(workers) == 5 and found.votes is votes
    rows = [line.split(",") for line in (folder / "votes.csv").read_text().splitlines()[1:]]
    assert [row[4] for row in rows] == workers.name[votes.worker].tolist()
    assert [row[5] for row in rows] == [str(int(value)) for value in votes.chose_first]
    assert [row[6] for row in rows] == [str(value) for value in votes.first_is_green]
    assert [row[8] for row in rows] == [str(value) for value in votes.response_ms]
    assert workers.votes.tolist() == [18] * 5 and ((workers.skill_low < workers.skill) & (workers.skill < 1)).all()
    share = np.bincount(votes.pair, votes.chose_first) / found.n_votes
    agree = (share > 0.5) == (found.p_first > 0.5)
    assert agree.mean() > 0.9  # votes and pairs belong together


def test_the_zip_and_the_manifest_load_as_the_folder_does(folder, shipped):
    whole = nearer.load(folder)
    for found in (nearer.load(shipped / "known.zip"), nearer.load(folder / "manifest.json"), nearer.load(str(folder))):
        np.testing.assert_array_equal(found.p_first, whole.p_first)
        assert found.votes.pair.tolist() == whole.votes.pair.tolist() and found.name == "known"


def test_the_papers_json_gives_the_same_pairs(folder):
    whole, paper = nearer.load(folder), nearer.load(folder / "relative_depth.json")
    np.testing.assert_allclose(paper.p_first, whole.p_first, atol=1e-6)
    np.testing.assert_array_equal(paper.pairs, whole.pairs)
    np.testing.assert_array_equal(paper.person, whole.person)
    np.testing.assert_array_equal(paper.is_train, whole.is_train)
    np.testing.assert_array_equal(paper.label, whole.label)
    assert paper.votes is None and paper.workers is None and paper.truth is None
    assert paper.joints == ("head", "neck", "hip", "left knee", "right knee") and paper.mirror.tolist() == [0, 1, 2, 4, 3]


def test_a_torch_dataset_has_an_item_for_each_pair(folder):
    torch = pytest.importorskip("torch")
    found = nearer.load(folder)
    data = found.torch_dataset()
    assert isinstance(data, torch.utils.data.Dataset) and len(data) == 18
    batch = next(iter(torch.utils.data.DataLoader(data, batch_size=4)))
    assert batch["keypoints"].shape == (4, 5, 2) and batch["joints"].shape == (4, 2) and batch["p_first"].shape == (4,)
    assert batch["truth"].shape == (4, 5, 3)
    train, test = found.torch_dataset("train"), found.torch_dataset("test")
    assert len(train) + len(test) == 18 and len(train) == 3 * int(found.is_train.sum())
    assert len(found.torch_dataset(largest_risk=0.05)) == int((found.risk <= 0.05).sum())
    with pytest.raises(ValueError, match="'train', 'test' or None"):
        found.torch_dataset("validation")


def test_loading_needs_neither_django_nor_torch(folder):
    program = (
        "import sys, nearer; r = nearer.load(sys.argv[1]); r.votes; "
        "print(sorted({'django', 'torch', 'pyarrow', 'crowd'} & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_verifying_finds_what_was_changed_lost_or_added(folder, capsys):
    assert nearer.verify(folder) == [] and main(["verify", str(folder)]) == 0
    rewrite(folder, "pairs.csv", b"image\n", honest=False)
    (folder / "votes.csv").unlink()
    (folder / "extra.txt").write_text("hello")
    troubles = nearer.verify(folder)
    assert len(troubles) == 3
    assert "pairs.csv has 6 bytes, the manifest promises" in troubles[0]
    assert "votes.csv is missing" in troubles[1] and "extra.txt is there" in troubles[2]
    assert main(["verify", str(folder)]) == 1
    told = capsys.readouterr()
    assert "WRONG  pairs.csv" in told.out and "ok     workers.csv" in told.out and "3 wrong" in told.out


def test_a_changed_archive_is_refused_before_it_is_opened(folder):
    content = bytearray((folder / "training.npz").read_bytes())
    content[100] ^= 1
    rewrite(folder, "training.npz", bytes(content), honest=False)
    with pytest.raises(nearer.TamperedRelease, match=r"training\.npz has the SHA-256"):
        nearer.load(folder)
    with (folder / "training.npz").open("ab") as file:
        file.write(b"0" * 10)
    with pytest.raises(nearer.TamperedRelease, match="more than"):
        nearer.load(folder)


def test_a_pickle_in_an_archive_is_never_run(folder):
    rearranged(folder, person=np.array([{"a": 1}], object))
    with pytest.raises(nearer.BadRelease, match="no archive of plain arrays"):
        nearer.load(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"risk": None}, "has no array 'risk'"), ({"visible": np.ones((2, 2), bool)}, "'visible' has the shape"),
        ({"pair_person": np.full(18, 6, np.int32)}, "pair 0 speaks of person 6; there are 6"),
        ({"pair_joints": np.full((18, 2), -1, np.int16)}, "speaks of joint"),
        ({"p_first": np.full(18, 1.5, np.float32)}, "p_first of pair 0 is 1.5"),
        ({"p_first": np.full(18, np.nan)}, "p_first of pair 0 is nan"),
        ({"risk": np.full(18, "a")}, "'risk' holds <U1, numbers"),
        ({"pair_person": np.zeros(18)}, "'pair_person' holds float64, whole numbers were expected"),
        ({"person": np.arange(6)}, "'person' holds int64, text"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused_with_their_row(folder, change, said):
    rearranged(folder, **change)
    with pytest.raises(nearer.BadRelease, match=said):
        nearer.load(folder)


def test_votes_that_do_not_fit_are_refused(folder):
    rearranged(folder, "votes.npz", vote_pair=np.full(90, 18, np.int32))
    with pytest.raises(nearer.BadRelease, match="vote_pair of vote 0 is 18; there are 18"):
        nearer.load(folder).votes  # noqa: B018


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "other"}, "a release has 'nearer-release'"), ({"version": 2}, "version 1 can be read: update nearer"),
        ({"files": {}}, "promises no training.npz"), ({"files": {"a": {"sha256": "", "bytes": "5"}}}, "lists no files"),
        ({"files": {"a": {"sha256": 5}}}, "lists no files"), ({"files": None}, "lists no files"),
        ({"files": {"../secret": {"sha256": ""}}}, "not a plain file name"), ({"skeleton": {}}, "no skeleton"),
        ({"skeleton": {"joints": ["a"], "bones": [[0, 1]], "mirror": [0], "root": 0}}, "beyond the 1"),
        ({"skeleton": {"joints": ["a"], "bones": [[0, 10**30]], "mirror": [0], "root": 0}}, "no skeleton with joints"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(folder, change, said):
    manifest = json.loads((folder / "manifest.json").read_text()) | change
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(nearer.BadRelease, match=said):
        nearer.load(folder)


def test_places_without_a_release_are_told(tmp_path, capsys):
    with pytest.raises(nearer.BadRelease, match="no such file or folder"):
        nearer.load(tmp_path / "none")
    with pytest.raises(nearer.BadRelease, match=r"no manifest\.json"):
        nearer.load(tmp_path)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a/b/manifest.json", "{}")
    with pytest.raises(nearer.BadRelease, match="this has 0"):
        nearer.load(tmp_path / "other.zip")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(nearer.BadRelease, match="neither a release nor JSON"):
        nearer.load(tmp_path / "broken.json")
    assert main(["show", str(tmp_path / "none")]) == 1
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"keypoints": [1, 2]}, "image 0: cannot reshape"), ({"anns": [{"kp0": 0}]}, "image 0, ann 0: 'label' is missing"),
        ({"anns": [{"kp0": 0, "kp1": 1, "label": 3}]}, "image 0, ann 0: the label is 3"),
        ({"anns": [{"kp0": 0, "kp1": 9, "label": 1}]}, "image 0, ann 0: the joint is 9; there are 2"),
        ({"im_file": None, "anns": 5}, "image 0"),
        ({"anns": [{"kp0": 0, "kp1": 10**30, "label": 1}]}, "image 0, ann 0: the joint is 1"),
        ({"anns": [{"kp0": 0, "kp1": "1", "label": 1}]}, "image 0, ann 0: the joint is '1'"),
        ({"anns": [{"kp0": 0, "kp1": 1, "label": float("inf")}]}, "image 0, ann 0: cannot convert"),
        ({"anns": [7]}, "image 0, ann 0"),
    ],
)  # fmt: skip
def test_bad_json_in_the_papers_form_is_refused_with_its_place(tmp_path, image, said):
    good = {"im_file": "a.jpg", "is_train": True, "keypoints": [0, 0, 5, 5], "occluded": [0, 0], "anns": []}
    (tmp_path / "paper.json").write_text(json.dumps({"joint_names": ["neck", "nose"], "images": [good | image]}))
    with pytest.raises(nearer.BadRelease, match=said):
        nearer.load(tmp_path / "paper.json")


def test_whatever_stands_in_a_release_it_is_read_or_refused(folder):
    """Parts of its JSON and bytes of its archives changed at random, with the manifest's blessing; the seeds are fixed."""
    outcomes = {"read": 0, "refused": 0}
    for seed in range(120):
        draw = random.Random(seed)
        name = draw.choice(["manifest.json", "relative_depth.json", "training.npz", "votes.npz"])
        manifest, whole = (folder / "manifest.json").read_bytes(), (folder / name).read_bytes()
        content = odd_json(draw, whole) if name.endswith(".json") else odd_bytes(draw, whole)
        rewrite(folder, name, content, honest=name.endswith(".npz"))
        try:
            found = nearer.load(folder / name if name == "relative_depth.json" else folder)
            assert found.votes is None or len(found.votes) == 90
            outcomes["read"] += 1
        except nearer.BadRelease as refused:
            assert str(folder) in str(refused)
            outcomes["refused"] += 1
        finally:
            (folder / name).write_bytes(whole)
            (folder / "manifest.json").write_bytes(manifest)
    assert min(outcomes.values()) > 10


def test_labels_without_risks_are_certain(tmp_path):
    anns = [{"kp0": 0, "kp1": 1, "label": label} for label in (0, 1)]
    images = [{"im_file": "a.jpg", "keypoints": [0, 0, -1, -1], "anns": anns}]
    (tmp_path / "paper.json").write_text(json.dumps({"joint_names": ["neck", "nose"], "images": images}))
    found = nearer.load(tmp_path / "paper.json")
    assert found.p_first.tolist() == [1, 0] and found.visible.tolist() == [[True, False]]
    assert found.is_train.all() and not found.occluded.any()


def test_showing_says_what_it_is(folder, capsys):
    assert main(["show", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "6 people, 18 pairs, 90 votes, 5 joints" in told and "CC BY 4.0" in told and "mean risk" in told
