"""Where a person is drawn."""

import pytest

from annotation.models import Choice
from annotation.panel.drawings import drawing, frame_of, side_of
from annotation.panel.people import pose_table, standing_votes
from modeling.panel.runs import projection
from tests import factories


def test_the_frame_holds_every_keypoint_and_stays_inside_the_image():
    x, y, width, height = frame_of([[5, 10], None, [190, 230]], 200, 240, square=False)
    assert (x, y) == (0, 0)
    assert (x + width, y + height) == (200, 240)


def test_a_square_frame_is_centred_on_the_person():
    x, y, width, height = frame_of([[100, 50], [100, 150]], 400, 300, square=True)
    assert width == height
    assert (x + width / 2, y + height / 2) == (100, 100)


def test_somebody_without_keypoints_is_shown_as_the_whole_image():
    assert frame_of([None, None], 200, 240, square=True) == (0, 0, 200, 240)


@pytest.mark.django_db
def test_missing_keypoints_take_their_bones_with_them():
    person = factories.make_person(keypoints=[[100, 30], None, [100, 120], [130, 200], [70, 200]])
    drawn = drawing(person, person.image.dataset.skeleton)
    assert [joint["index"] for joint in drawn["joints"]] == [0, 2, 3, 4]
    assert len(drawn["bones"]) == 2  # hip to either knee; the two at the neck are gone


@pytest.mark.django_db
def test_sides_are_the_persons_own():
    skeleton = factories.make_skeleton()
    assert [side_of(joint, skeleton) for joint in range(5)] == ["middle", "middle", "middle", "left", "right"]


@pytest.mark.django_db
def test_from_the_side_the_camera_is_on_the_left():
    skeleton = factories.make_skeleton()
    pose = [[0, -600, -300], [0, -450, 0], [0, 0, 0], [0, 450, 0], [0, 450, 0]]  # the head leans to the camera
    head, neck = ((bone["x1"], bone["x2"]) for bone in projection(pose, skeleton, across=2)["bones"][:1]).__next__()
    assert head < neck


def test_the_table_of_a_pose_begins_with_the_nearest_joint():
    rows = pose_table(["head", "hip"], [{"pose_mm": [[0, 0, 120], [0, 0, -40]]}])
    assert [(row["joint"], row["depths_cm"]) for row in rows] == [("hip", [-4.0]), ("head", [12.0])]


@pytest.mark.django_db
def test_an_undone_vote_is_not_shown_and_the_last_word_is():
    task = factories.make_task(n_pairs=2)
    first, second = task.comparisons.all()
    factories.cast(first, Choice.FIRST)
    factories.cast(first, Choice.UNDONE)
    factories.cast(second, Choice.FIRST)
    factories.cast(second, Choice.UNDONE)
    factories.cast(second, Choice.SECOND)
    votes = standing_votes(first.pair.person)
    assert first.pair_id not in votes
    assert [vote["chose_first"] for vote in votes[second.pair_id]] == [False]
