"""Skeletons of one's own are checked before anything rests on them."""

import json

import pytest
from django.core.management import CommandError, call_command

from annotation import skeletons
from annotation.importers import skeletons as plain
from annotation.models import Skeleton
from tests.annotation.importers.makers import ARM, write_skeleton

WRONG = {
    "no name": ({"name": ""}, '"name" must be small letters'),
    "a name with capitals": ({"name": "Arm"}, '"name" must be small letters'),
    "one joint": ({"joints": ["neck"]}, "a list of 2 to 200"),
    "a joint twice": ({"joints": ["neck", "left elbow", "left wrist", "Left_Elbow", "right wrist"]}, "'Left_Elbow' twice"),
    "a bone too few": ({"bones": [[0, 1], [1, 2], [0, 3]]}, r'"bones" must be a tree, 4 of \[parent, child\].*there are 3'),
    "a bone to nowhere": ({"bones": [[0, 1], [1, 2], [0, 3], [3, 5]]}, r"bone 3 .*\[3, 5\]"),
    "a ring": ({"bones": [[0, 1], [1, 2], [2, 0], [3, 4]]}, "bone 2 .*closes a ring: left wrist and neck"),
    "a mirror too short": ({"mirror": [0, 3, 4]}, '"mirror" must have 5 indices'),
    "a mirror that is no involution": ({"mirror": [0, 3, 4, 2, 1]}, "Mirrored twice"),
    "a root outside": ({"root": 5}, '"root" is 5'),
    "a root that is a flag": ({"root": True}, '"root" is True'),
    "a figure outside": ({"figure": [[0, 2]] * 5}, '"figure" must have 5'),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_skeleton_that_contradicts_itself_is_refused_with_the_field(tmp_path, kind):
    changes, message = WRONG[kind]
    with pytest.raises(plain.BadSkeleton, match=message):
        plain.read(write_skeleton(tmp_path, **changes))


@pytest.mark.parametrize("name", plain.shipped_names())
def test_every_skeleton_that_ships_passes_its_own_checks(name):
    record = plain.shipped(name)
    for joint, other in enumerate(record.mirror):
        sides = {record.joints[joint].split()[0], record.joints[other].split()[0]}
        assert joint == other or sides == {"left", "right"}


def test_a_skeleton_without_a_figure_gets_one(tmp_path):
    record = plain.read(write_skeleton(tmp_path))
    assert len({tuple(point) for point in record.figure}) == 5
    assert all(0 <= value <= 1 for point in record.figure for value in point)


@pytest.mark.django_db
def test_a_name_stands_for_one_skeleton(tmp_path, capsys):
    file = write_skeleton(tmp_path)
    call_command("import_skeleton", file)
    call_command("import_skeleton", file)
    assert Skeleton.objects.count() == 1 and "'arm-5' with 5 joints" in capsys.readouterr().out
    write_skeleton(tmp_path, joints=[*ARM["joints"][:4], "right hand"])
    with pytest.raises(CommandError, match="'arm-5' already, with other joints"):
        call_command("import_skeleton", file)
    with pytest.raises(skeletons.SkeletonDiffers):
        skeletons.keep(plain.checked(ARM | {"name": "lsp-14"}, "a file"))


@pytest.mark.django_db
def test_a_file_that_is_no_skeleton_is_refused(tmp_path):
    file = tmp_path / "skeleton.json"
    for text, message in (("{", "is no JSON"), ("[]", "a skeleton is an object"), (json.dumps({}), '"name" must be')):
        file.write_text(text)
        with pytest.raises(CommandError, match=message):
            call_command("import_skeleton", file)
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_skeleton", tmp_path / "nowhere.json")
