"""The Leeds Sports Pose importer, on files made in the two published forms."""

import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from django.core.management import CommandError, call_command
from PIL import Image as Picture

from annotation.importers import BadDataset, lsp
from annotation.models import Dataset, Image, Pair, Person
from tests.factories import make_user

pytestmark = pytest.mark.django_db
LSPET = Path(os.environ.get("NEARER_LSPET", Path(__file__).parents[4] / "shared" / "data" / "lspet"))


def write_lsp(folder: Path, n: int = 3, *, extended: bool = True, size=(120, 160), **changes) -> Path:
    """A folder as the authors publish it: joints.mat and images/, joints on a diagonal inside the image."""
    joints = np.zeros((14, 3, n))
    joints[:, 0] = np.linspace(10, size[0] - 10, 14)[:, None]
    joints[:, 1] = np.linspace(10, size[1] - 10, 14)[:, None]
    joints[:, 2] = 1 if extended else 0
    if not extended:
        joints = joints.transpose(1, 0, 2)
    for *place, value in changes.get("put", ()):
        joints[tuple(place)] = value
    (folder / "images").mkdir(parents=True)
    for number in range(1, n + 1):
        name = f"im{number:05d}.jpg" if extended else f"im{number:04d}.jpg"
        Picture.effect_noise(size, number + 1).convert("RGB").save(folder / "images" / name)
    scipy.io.savemat(folder / "joints.mat", {"joints": changes.get("array", joints)})
    return folder


def import_(folder: Path, **options):
    options = {"name": "people", "owner": make_user().username} | options
    call_command("import_dataset", str(folder), format="lsp", **options)


def test_an_extended_set_becomes_images_people_and_five_pairs_each(tmp_path):
    import_(write_lsp(tmp_path, 3))
    dataset = Dataset.objects.get(name="people")
    assert dataset.skeleton.joints[0] == "right ankle"
    assert [image.name for image in dataset.images.all()] == ["im00001.jpg", "im00002.jpg", "im00003.jpg"]
    assert (dataset.images.first().width, dataset.images.first().height) == (120, 160)
    assert Person.objects.count() == 3
    assert Pair.objects.of_dataset(dataset).count() == 15


def test_the_limit_counts_images(tmp_path):
    import_(write_lsp(tmp_path, 3), limit=2)
    assert Image.objects.count() == 2


def test_pairs_are_drawn_by_the_seed_and_either_order_occurs(tmp_path):
    folder = write_lsp(tmp_path, 8)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        import_(folder, name=name, seed=seed)

    def pairs(name):
        rows = Pair.objects.filter(person__image__dataset__name=name).order_by("person__image__name", "pk")
        return list(rows.values_list("first", "second"))

    assert pairs("a") == pairs("b")
    assert pairs("a") != pairs("c")
    assert {first < second for first, second in pairs("a")} == {True, False}


def test_a_joint_flagged_missing_in_the_extended_set_is_never_asked(tmp_path):
    import_(write_lsp(tmp_path, 1, put=[(3, 0, 0, 0), (3, 1, 0, -26), (3, 2, 0, 0)]), pairs=91)
    person = Person.objects.get()
    assert person.keypoints[3] is None
    assert not Pair.objects.filter(first=3).exists() and not Pair.objects.filter(second=3).exists()
    assert Pair.objects.count() == 13 * 12 / 2


def test_the_third_row_of_the_original_set_means_occluded_not_missing(tmp_path):
    record = lsp.read(write_lsp(tmp_path, 1, extended=False, put=[(2, 4, 0, 1)]))
    person = next(iter(record.images)).people[0]
    assert None not in person.keypoints
    assert [index for index, flag in enumerate(person.occluded) if flag] == [4]


def test_a_joint_outside_its_image_is_reported_with_its_row_and_taken_as_missing(tmp_path, capsys):
    folder = write_lsp(tmp_path, 2, put=[(5, 0, 1, 900)])
    import_(folder)
    assert Person.objects.get(image__name="im00002.jpg").keypoints[5] is None
    message = capsys.readouterr().err
    assert "row 2" in message and "joint 6" in message and "outside" in message


def test_a_strict_import_ends_at_the_first_warning_and_leaves_nothing(tmp_path):
    folder = write_lsp(tmp_path, 2, put=[(5, 0, 1, 900)])
    with pytest.raises(CommandError, match="row 2: joint 6"):
        import_(folder, strict=True)
    assert not Dataset.objects.exists()


NOWHERE = np.where(np.arange(3)[:, None] == 2, 1, np.full((14, 3, 2), np.nan))  # flagged as there, without a place
BAD_FILES = {
    "no joints.mat": (lambda f: (f / "joints.mat").unlink(), r"joints\.mat is missing"),
    "a truncated joints.mat": (
        lambda f: (f / "joints.mat").write_bytes((f / "joints.mat").read_bytes()[:200]), r"joints\.mat .*cut short|no array"
    ),
    "an array of another shape": (
        lambda f: scipy.io.savemat(f / "joints.mat", {"joints": np.zeros((13, 3, 2))}), r"shape \(13, 3, 2\)"
    ),
    "an array of another name": (
        lambda f: scipy.io.savemat(f / "joints.mat", {"points": np.zeros((14, 3, 2))}), r"no array 'joints', but points"
    ),
    "an odd flag": (
        lambda f: scipy.io.savemat(f / "joints.mat", {"joints": np.full((14, 3, 2), 7.0)}), r"row 1, joint 1: the flag is 7"
    ),
    "a place that is no number": (
        lambda f: scipy.io.savemat(f / "joints.mat", {"joints": NOWHERE}),
        r"row 1, joint 1: the place is \(nan, nan\)",
    ),
    "a missing image": (lambda f: (f / "images" / "im00002.jpg").unlink(), r"row 2: .*im00002\.jpg is missing"),
    "an image that is text": (
        lambda f: (f / "images" / "im00002.jpg").write_text("not a picture"), r"row 2: .*im00002\.jpg is not a readable"
    ),
    "a truncated image": (
        lambda f: (f / "images" / "im00002.jpg").write_bytes((f / "images" / "im00002.jpg").read_bytes()[:900]),
        r"row 2: .*im00002\.jpg is damaged",
    ),
    "an image of absurd size": (
        lambda f: Picture.new("1", (17_000, 20)).save(f / "images" / "im00002.jpg", "PNG"),
        r"row 2: .*im00002\.jpg is .*17000 x 20",
    ),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_input_names_file_and_row_and_leaves_nothing_behind(tmp_path, settings, kind):
    spoil, message = BAD_FILES[kind]
    folder = write_lsp(tmp_path / "set", 2)
    spoil(folder)
    with pytest.raises(CommandError, match=message):
        import_(folder)
    assert not Dataset.objects.exists() and not Image.objects.exists()
    assert not [file for file in Path(settings.MEDIA_ROOT).rglob("*") if file.is_file()]


def test_a_name_in_use_is_refused_and_the_old_data_stay(tmp_path):
    folder = write_lsp(tmp_path, 2)
    import_(folder)
    with pytest.raises(CommandError, match="'people' already"):
        import_(folder)
    assert Image.objects.count() == 2


def test_images_shared_with_another_data_set_survive_a_failed_import(tmp_path, settings):
    folder = write_lsp(tmp_path, 2)
    import_(folder)
    (folder / "images" / "im00002.jpg").write_text("spoilt")
    with pytest.raises(CommandError):
        import_(folder, name="again")
    assert all(Path(settings.MEDIA_ROOT, image.file.name).is_file() for image in Image.objects.all())


def test_a_picture_is_stored_upright_and_without_its_place(tmp_path, settings):
    folder = write_lsp(tmp_path, 1, size=(160, 120))
    picture = Picture.new("RGB", (120, 160), "navy")
    exif = Picture.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif.get_ifd(0x8825)[1] = "N"
    picture.save(folder / "images" / "im00001.jpg", exif=exif)
    import_(folder)
    image = Image.objects.get()
    assert (image.width, image.height) == (160, 120)
    with Picture.open(Path(settings.MEDIA_ROOT, image.file.name)) as stored:
        assert stored.size == (160, 120) and not stored.getexif()


def test_a_folder_without_anything_raises_with_its_name(tmp_path):
    with pytest.raises(BadDataset, match=str(tmp_path)):
        lsp.read(tmp_path)


if LSPET.is_dir():

    def test_the_published_extended_set_has_1467_placed_joints(capsys):
        import_(LSPET)
        people = Person.objects.all()
        placed = sum(place is not None for person in people for place in person.keypoints)
        assert (people.count(), placed) == (120, 14 * 120 - 213 - 1)  # one flagged visible lies outside its image
        assert "213 joints are marked missing" in capsys.readouterr().err
