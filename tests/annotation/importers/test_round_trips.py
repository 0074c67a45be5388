"""Every format, from a faithfully made file to rows: what was written is what is stored."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from annotation.importers import FORMATS, READERS, Options, cameras
from annotation.importers.h36m import MOVING
from annotation.models import Dataset, Image, Pair, Person
from tests.annotation.importers import makers
from tests.annotation.importers.test_lsp import write_lsp
from tests.factories import make_user

pytestmark = pytest.mark.django_db

WRITERS = {
    "lsp": write_lsp, "coco": makers.write_coco, "mpii": makers.write_mpii_mat, "h36m-h5": makers.write_h36m_h5,
    "h36m-npz": makers.write_h36m_npz, "mocap": makers.write_mocap, "openpose": makers.write_openpose, "csv": makers.write_csv,
    "nearer": makers.write_nearer,
}
SIZES = {  # images, people, people with ground truth
    "lsp": (3, 3, 0), "coco": (2, 4, 0), "mpii": (2, 3, 0), "h36m-h5": (12, 12, 12), "h36m-npz": (12, 12, 12),
    "mocap": (5, 5, 5), "openpose": (2, 4, 0), "csv": (2, 3, 0), "nearer": (2, 2, 2),
}


def records(format: str, folder, **options) -> list:
    return list(READERS[format](folder, Options(**options)).images)


def import_(format: str, folder, **options) -> Dataset:
    call_command("import_dataset", str(folder), format=format, **{"name": format, "owner": make_user().username} | options)
    return Dataset.objects.get(name=options.get("name", format))


@pytest.mark.parametrize("format", FORMATS)
def test_a_faithful_file_becomes_images_people_pairs_and_ground_truth(format, tmp_path):
    dataset = import_(format, WRITERS[format](tmp_path / "set"))
    people = Person.objects.filter(image__dataset=dataset)
    assert (dataset.images.count(), people.count(), people.filter(truth_mm__isnull=False).count()) == SIZES[format]
    assert Pair.objects.of_dataset(dataset).count() > 0
    assert dataset.is_drawn == (format in ("h36m-h5", "h36m-npz", "mocap"))
    root = dataset.skeleton.root
    for person in people:
        assert len(person.keypoints) == len(person.occluded) == len(dataset.skeleton.joints)
        assert person.truth_mm is None or person.truth_mm[root] == [0, 0, 0]


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_comes_out_of_a_zip_with_a_folder_in_it(format, tmp_path):
    folder = WRITERS[format](tmp_path / "set")
    archive = makers.zipped(folder, tmp_path / "set.zip", top="my set/")
    plain, packed = (import_(format, place, name=place.name, limit=2) for place in (folder, archive))

    def content(dataset):
        people = Person.objects.filter(image__dataset=dataset)
        return [*people.values_list("image__name", "image__sha256", "number", "keypoints", "occluded", "truth_mm")]

    assert content(plain) == content(packed)


def test_coco_puts_people_together_by_image_and_tells_hidden_from_missing(tmp_path):
    first, second = records("coco", makers.write_coco(tmp_path))
    assert (first.name, second.name) == ("000000000001.jpg", "000000000002.jpg")
    assert [len(first.people), len(second.people)] == [2, 2]
    person = next(person for person in first.people if person.keypoints[1] is None)
    assert person.keypoints[0] == (4, 3) and person.occluded[:3] == [True, False, False]


@pytest.mark.parametrize("format", ["coco", "csv", "mpii"])
def test_a_reader_that_is_given_up_halfway_can_be_cleared_away_by_any_thread(format, tmp_path):
    write = makers.write_mpii_json if format == "mpii" else WRITERS[format]
    images = READERS[format](write(tmp_path), Options()).images
    next(images)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(images.close).result()
    assert list(images) == []


def test_coco_leaves_out_crowds_and_people_without_joints_and_says_how_many(tmp_path):
    def spoil(content):
        content["annotations"][0] |= {"iscrowd": 1, "keypoints": [0] * 51}
        content["annotations"][1] |= {"keypoints": [0] * 51, "num_keypoints": 0}
        content["annotations"][2] |= {"num_keypoints": 5}

    record = READERS["coco"](makers.write_coco(tmp_path, edits=[spoil]), Options())
    images = list(record.images)
    assert [image.name for image in images] == ["000000000001.jpg"]
    left_out = {"crowds": 1, "people without a placed joint": 1, "images without people that have keypoints": 1}
    assert record.skipped == left_out
    assert len(record.warnings) == 1 and "annotation id 101: num_keypoints says 5, but 17" in record.warnings[0]


def test_pictures_that_were_scaled_since_they_were_annotated_are_refused(tmp_path):
    folder = makers.write_coco(tmp_path)
    makers.write_picture(folder / "images" / "000000000002.jpg", size=(40, 30))
    with pytest.raises(CommandError, match=r"image id 20: the annotations say 80 x 60 pixels, but .*2\.jpg has 40 x 30"):
        import_("coco", folder)
    assert not Dataset.everything.exists()


def test_joints_of_ones_own_in_cocos_format_take_their_skeleton_from_beside(tmp_path):
    def own(content):
        content["categories"][0]["keypoints"] = ["Neck", "left_elbow", "left_wrist", "right_elbow", "right_wrist"]
        for row in content["annotations"]:
            row["keypoints"], row["num_keypoints"] = [9, 9, 2] * 5, 5

    folder = makers.write_coco(tmp_path, edits=[own])
    makers.write_skeleton(folder)
    assert import_("coco", folder / "person_keypoints_test.json").skeleton.name == "arm-5"


def test_mpii_in_both_forms(tmp_path):
    (first, second) = records("mpii", makers.write_mpii_mat(tmp_path / "mat"))
    assert first.people[1].keypoints[9:] == [None] * 7  # joints that are not listed
    assert first.people[0].occluded[:3] == [True, False, True]  # 0, "1", 0
    assert [len(first.people), len(second.people)] == [2, 1]
    shared, single = records("mpii", makers.write_mpii_json(tmp_path / "json"))
    assert (shared.name, len(shared.people), len(single.people)) == ("000000000.jpg", 2, 1)
    assert shared.people[0].keypoints[15] is None and single.people[0].keypoints[15] == (64, 48)


def test_human36m_is_turned_into_the_cameras_axes_and_projected_with_its_lens(tmp_path):
    folder = makers.write_h36m_h5(tmp_path)
    images = records("h36m-h5", folder, every=60)
    assert [image.name for image in images[:3]] == [
        "S1/Walking 1.54138969/000001.png", "S1/Walking 1.54138969/000061.png", "S1/Walking 1.55011271/000001.png",
    ]
    world = makers.h36m_world(120, 1)[60, MOVING]
    camera = makers.h36m_camera(1)
    seen = (world - camera["T"]) @ camera["R"].T
    person = images[3].people[0]
    assert np.allclose(person.truth_mm, seen - seen[0], atol=0.06)
    x, y = seen[5, :2] / seen[5, 2]
    r2 = x * x + y * y
    k, p = camera["k"], camera["p"]
    bend = 1 + k[0] * r2 + k[1] * r2**2 + k[2] * r2**3 + p[0] * y + p[1] * x
    expected = camera["f"] * [x * bend + p[1] * r2, y * bend + p[0] * r2] + camera["c"]
    assert np.allclose(person.keypoints[5], expected, atol=0.01)
    up = seen[:, 1].argmin()  # the topmost in the world is the topmost in the picture, and nearer is smaller
    assert world[up, 2] == world[:, 2].max()
    assert images[0].canvas == (1000, 1002)


def test_the_three_files_of_cameras_say_the_same(tmp_path):
    for name in ("h5", "json"):
        (tmp_path / name).mkdir()
    makers.write_cameras_h5(tmp_path / "h5" / "cameras.h5")
    makers.write_cameras_json(tmp_path / "json" / "cameras.json")
    one, two = (cameras.find(tmp_path / name) for name in ("h5", "json"))
    world = makers.h36m_world(3, 1)[:, MOVING]
    for number in range(4):
        a, b = one["S1", number], two["S1", number]
        assert np.allclose(a.sees(world), b.sees(world), atol=0.01)
        assert np.allclose(a.projects(a.sees(world)), b.projects(b.sees(world)), atol=1e-3)
    makers.write_cameras_xml(tmp_path / "metadata.xml")
    seen = cameras.find(tmp_path)["S11", 3].sees(np.array([0.0, 0, 1000]))
    assert np.allclose(seen, [0, 0, -4000]) or np.allclose(seen, [0, 0, 4000])


def test_videopose3ds_archive_gives_the_poses_of_the_trees_and_its_own_keypoints(tmp_path):
    trees = records("h36m-h5", makers.write_h36m_h5(tmp_path / "h5"))
    archive = records("h36m-npz", makers.write_h36m_npz(tmp_path / "npz"))
    assert [image.name for image in trees] == [image.name for image in archive]
    for one, other in zip(trees, archive):
        assert np.allclose(one.people[0].truth_mm, other.people[0].truth_mm, atol=0.2)
        assert np.allclose(one.people[0].keypoints, other.people[0].keypoints, atol=0.05)
    detected = records("h36m-npz", makers.write_h36m_npz(tmp_path / "seen", keypoints=True))
    assert detected[0].people[0].truth_mm == archive[0].people[0].truth_mm
    assert not np.allclose(detected[0].people[0].keypoints, archive[0].people[0].keypoints, atol=5)


def test_human36ms_pictures_are_found_by_the_pattern_of_their_names(tmp_path):
    folder = makers.write_h36m_h5(tmp_path / "h36m", n_frames=1)
    for camera in makers.H36M_IDS:
        makers.write_picture(tmp_path / "frames" / "S1" / f"Walking 1.{camera}" / "0001.jpg", size=(1000, 1002))
    dataset = import_("h36m-h5", folder, images=str(tmp_path / "frames"), frames="{subject}/{action}.{camera}/{frame:04d}.jpg")
    assert not dataset.is_drawn and dataset.images.first().name == "S1/Walking 1.54138969/0001.jpg"


def test_motion_capture_is_scaled_back_to_pixels_and_millimetres(tmp_path):
    folder = makers.write_mocap(tmp_path)
    with np.load(folder / "mocap.npz") as arrays:
        image = records("mocap", folder)[2]
        assert image.name == "subject003/03_01/camera2/000000.png"
        assert np.allclose(image.people[0].keypoints, arrays["pose2d"][2] / 8)
        assert np.allclose(image.people[0].truth_mm, arrays["pose3d"][2] / 4)


def test_a_drawn_figure_is_a_picture_of_the_cameras_size_and_the_data_set_says_so(tmp_path, capsys):
    dataset = import_("mocap", makers.write_mocap(tmp_path, 2), limit=1)
    image = dataset.images.get()
    assert (image.width, image.height) == (1000, 1000) and image.file.name.endswith(".png")
    assert "stick figures" in capsys.readouterr().err


def test_openpose_is_handed_over_to_another_skeleton_by_the_names_of_joints(tmp_path):
    folder = makers.write_openpose(tmp_path)
    own = records("openpose", folder)[0].people[0]
    assert len(own.keypoints) == 25
    coco = records("openpose", folder, skeleton="coco-17")[0].people[0]
    assert coco.keypoints[0] == own.keypoints[0]  # nose
    assert coco.keypoints[5] == own.keypoints[5] and coco.keypoints[6] == own.keypoints[2]  # left and right shoulder
    lsp = records("openpose", folder, skeleton="lsp-14")[0].people[0]
    assert lsp.keypoints[12] == own.keypoints[1] and lsp.keypoints[13] is None  # a neck, but no head top


def test_openposes_doubts_are_missing_joints(tmp_path):
    folder = makers.write_openpose(tmp_path, 1, n_joints=18, people=1)
    assert READERS["openpose"](folder, Options()).skeleton == "openpose-18"
    record = READERS["openpose"](folder, Options(min_confidence=0.9))
    with pytest.raises(Exception, match="found nobody"):
        list(record.images)
    assert record.skipped["people without a joint of enough confidence"] == 1


def test_a_tables_rows_come_in_any_order(tmp_path):
    first, second = records("csv", makers.write_csv(tmp_path))
    assert (first.name, len(first.people), second.name) == ("b.jpg", 2, "a.jpg")
    assert second.people[0].keypoints == [(30, 10), None, (20, 30), None, None]
    assert second.people[0].occluded == [False, False, True, False, False]


def test_a_table_can_bring_ground_truth(tmp_path):
    header = "image,joint,x,y,x_mm,y_mm,z_mm"
    rows = [f"a.jpg,{joint},{10 + joint},{20 + joint},{joint},{2 * joint + 100},{3 * joint - 7}" for joint in range(5)]
    dataset = import_("csv", makers.write_csv(tmp_path, rows, header))
    assert Person.objects.get(image__dataset=dataset).truth_mm == [[j, 2 * j, 3 * j] for j in range(5)]  # centred on the root


def test_a_spreadsheets_mark_at_the_files_start_does_no_harm(tmp_path):
    folder = makers.write_csv(tmp_path)
    file = folder / "keypoints.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert len(records("csv", folder)) == 2


def test_our_own_format_comes_back_as_it_was_written(tmp_path):
    folder = makers.write_nearer(tmp_path)
    dataset = import_("nearer", folder)
    written = json.loads((folder / "dataset.json").read_text())["images"][0]["people"][0]
    person = Person.objects.filter(image__dataset=dataset).first()
    assert person.keypoints == [point[:2] for point in written["keypoints"]]
    assert person.truth_mm == written["pose3d_mm"] and person.occluded == [False, True, False, False, False]
    assert (dataset.licence, dataset.description, dataset.skeleton.name) == ("CC0", "Made for a test", "arm-5")
    assert Image.objects.filter(name="images/0001.jpg").exists()
