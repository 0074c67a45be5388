import torch

from modeling.lifting.geometry import about_root, in_space, renormalised, rotation_to, turned_about_vertical, view

from .make import make_people


def seen(data, **settings):
    pose2d = torch.from_numpy(data.pose2d).double()
    known = torch.isfinite(pose2d).all(-1)
    return view(pose2d.nan_to_num(), known, torch.from_numpy(data.image_size), 1.145, **settings)


def test_pixels_and_true_depths_give_the_true_pose_back():
    """The camera turns towards the person, depths are read off the truth, and the pose must return to its own axes."""
    data = make_people(50, pairs=None)
    truth = torch.from_numpy(data.pose3d).double()
    said = seen(data)
    turned = truth @ said.back
    # depth of the root is what the pose's size in the image implies; solved exactly from the true pose's width
    plane = said.plane - said.plane[:, :1]
    size = (turned[..., :2] * plane).sum((1, 2)) / plane.square().sum((1, 2))
    for _ in range(20):
        depth = turned[..., 2] / size.view(-1, 1)
        space = about_root(in_space(said.plane, depth, said.distance), 0)
        size = (turned[..., :2] * space[..., :2]).sum((1, 2)) / space[..., :2].square().sum((1, 2))
    pose = (about_root(in_space(said.plane, turned[..., 2] / size.view(-1, 1), said.distance), 0)) @ said.back.transpose(1, 2)
    error = (pose * size.view(-1, 1, 1) - truth).norm(dim=-1)
    assert error.mean() < 1.0  # mm, of people some 900 mm across


def test_a_shifted_or_scaled_person_looks_the_same():
    data = make_people(5, pairs=None)
    pose2d = torch.from_numpy(data.pose2d).double()
    known = torch.ones(5, 17, dtype=torch.bool)
    size = torch.full((5, 2), 1000)
    one = view(pose2d, known, size, 1.145, turn=False)
    other = view((pose2d - 500) * 0.5 + 530, known, size, 1.145, turn=False)
    torch.testing.assert_close(one.plane, other.plane)
    torch.testing.assert_close(one.distance * 2, other.distance)


def test_the_turn_is_a_rotation_towards_the_ray():
    ray = torch.tensor([[0.3, -0.2], [0.0, 0.0]], dtype=torch.float64)
    turn = rotation_to(ray)
    torch.testing.assert_close(turn @ turn.transpose(1, 2), torch.eye(3, dtype=torch.float64).expand(2, 3, 3))
    axis = turn[0] @ torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(axis[:2] / axis[2], ray[0])


def test_a_missing_joint_is_zero_and_moves_nothing_else():
    data = make_people(4, pairs=None)
    pose2d = torch.from_numpy(data.pose2d).double()
    known = torch.ones(4, 17, dtype=torch.bool)
    known[:, 5] = False
    size = torch.full((4, 2), 1000)
    one = view(pose2d, known, size, 1.145)
    pose2d[:, 5] = 1e6
    other = view(pose2d, known, size, 1.145)
    torch.testing.assert_close(one.plane, other.plane)
    assert (one.plane[:, 5] == 0).all()


def test_renormalised_planes_have_unit_size_about_their_middle():
    plane = torch.randn(6, 17, 2) * 3 + 1
    again, distance, _, extent = renormalised(plane, torch.full((6,), 10.0), torch.ones(6))
    torch.testing.assert_close(again.mean(1), torch.zeros(6, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(again.square().sum(-1).mean(1), torch.ones(6))
    torch.testing.assert_close(distance * extent, torch.full((6,), 10.0))


def test_a_full_turn_changes_nothing_and_a_quarter_brings_x_to_depth():
    pose = torch.randn(2, 5, 3)
    torch.testing.assert_close(turned_about_vertical(pose, torch.full((2,), 2 * torch.pi)), pose, atol=1e-5, rtol=1e-5)
    quarter = turned_about_vertical(pose, torch.full((2,), torch.pi / 2))
    torch.testing.assert_close(quarter[..., 2], -pose[..., 0], atol=1e-5, rtol=1e-5)
