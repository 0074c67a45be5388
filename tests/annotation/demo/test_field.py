"""The renderer's geometry, against figures whose answer is known."""

import numpy as np
import pytest

from annotation.demo import body
from annotation.demo.field import Capsule, Field
from annotation.demo.generate import load_poses
from annotation.demo.skeleton import unit
from annotation.demo.tracing import Camera, light_reaching, march


def make_ball(centre, radius, group="head"):
    centre = np.array(centre, float)
    return Capsule("ball", group, centre, centre + np.array([0, 0, 0.001]), (radius, radius))


def test_distance_and_normal_of_a_ball_are_exact():
    field = Field([make_ball((0, 0, 500), 100)])
    points = np.array([[300, 0, 500], [0, 0, 500], [0, -100, 500]], np.float32)
    np.testing.assert_allclose(field.distance(points), [200, -100, 0], atol=0.05)
    np.testing.assert_allclose(field.normal(points[:1]), [[1, 0, 0]], atol=1e-3)


def test_leaving_far_capsules_out_changes_no_distance():
    field = body.build(load_poses()[4])
    rng = np.random.default_rng(0)
    points = (rng.normal(size=(400, 3)) * [350, 350, 500] + [0, 0, 900]).astype(np.float32)
    whole = field._joined(field._each(points, np.arange(len(field.parts))), np.arange(len(field.parts)))
    one_by_one = np.concatenate([field.distance(point[None]) for point in points])
    near = np.abs(whole) < 300
    np.testing.assert_allclose(one_by_one[near], whole[near], atol=0.7)


def test_a_ray_meets_a_ball_where_it_should_and_passes_beside_it():
    field = Field([make_ball((0, 0, 500), 100)])
    directions = np.array([[1, 0, 0], unit(np.array([1, 0.2, 0]))], np.float32)
    hit = march(field, np.array([-1000.0, 0, 500]), directions, np.zeros(2), 2500)
    assert hit[0] == pytest.approx(900, abs=1)
    assert np.isinf(hit[1])


def test_the_shadow_of_a_ball_is_dark_below_it_and_ends_beside_it():
    field = Field([make_ball((0, 0, 500), 150)])
    ground = np.array([[0, 0, 0], [900, 0, 0]], np.float32)
    light = light_reaching(field, ground, np.array([0, 0, 1.0]), 0.1)
    assert light[0] < 0.01
    assert light[1] > 0.99


def test_a_camera_projects_along_the_rays_it_casts():
    camera = Camera(np.array([3000.0, 400, 1500]), unit(np.array([-1.0, -0.1, -0.3])), 700.0, 320, 240)
    pixels = np.array([[10.5, 20.5], [160, 120], [300.2, 5.9]])
    points = camera.position + camera.rays(pixels) * 2345.0
    np.testing.assert_allclose(camera.project(points), pixels, atol=0.01)


def test_every_shipped_pose_stands_on_the_floor_or_leaps_above_it():
    for pose in load_poses():
        field = body.build(pose)
        lowest = min((np.minimum(field.start[:, 2], field.end[:, 2]) - field.reach).min(), 0)
        assert lowest > -45  # shoes press into the floor by no more than a sole


def test_an_unknown_hairstyle_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="short, bob"):
        body.build(load_poses()[0], hair="mohawk")
