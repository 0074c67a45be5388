import math

import pytest
import torch
from torch.autograd import gradcheck

from modeling.lifting import losses


def phi(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def test_ranking_equals_the_hand_computed_value():
    first, second = torch.tensor([100.0, 50.0]), torch.tensor([0.0, 350.0])  # differences 100, -300; mean size 200
    r = torch.tensor([1.0, 1.0])
    expected = (math.log1p(math.exp(-2.5 * 0.5)) + math.log1p(math.exp(2.5 * 1.5))) / 2
    assert math.isclose(losses.ranking(first, second, r).item(), expected, rel_tol=1e-6)


def test_equal_depths_cost_log_two():
    cost = losses.ranking(torch.zeros(3), torch.zeros(3), torch.tensor([-1.0, 1.0, 1.0]))
    assert math.isclose(cost.item(), math.log(2), rel_tol=1e-6)


def test_an_undecided_pair_costs_the_square_with_the_multiplier_in_the_paper_and_without_in_its_code():
    first, second, r = torch.tensor([10.0, 0.0]), torch.tensor([0.0, 30.0]), torch.zeros(2)
    assert math.isclose(losses.ranking(first, second, r).item(), 2.5**2 * (0.5**2 + 1.5**2) / 2, rel_tol=1e-6)
    assert math.isclose(losses.ranking(first, second, r, paper_code=True).item(), (0.5**2 + 1.5**2) / 2, rel_tol=1e-6)


def test_the_codes_exponent_is_capped_at_85():
    first = torch.cat([torch.tensor([1e6]), torch.zeros(99)])
    cost = losses.ranking(first, torch.zeros(100), torch.full((100,), -1.0), paper_code=True)
    # the one wrong pair is 100 times the mean: 250 is capped at 85, the others cost log 2
    assert math.isclose(cost.item(), (85 + 99 * math.log(2)) / 100, rel_tol=1e-5)


def test_deeper_poses_do_not_lower_the_ranking_loss():
    first, second, r = torch.randn(20), torch.randn(20), torch.randint(0, 2, (20,)) * 2.0 - 1
    torch.testing.assert_close(losses.ranking(first, second, r), losses.ranking(10 * first, 10 * second, r))


def test_a_sure_probability_is_a_label():
    first, second = torch.randn(6), torch.randn(6)
    p = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    r = torch.where(p == 1, -1.0, 1.0)
    torch.testing.assert_close(losses.expected_ranking(first, second, p), losses.ranking(first, second, r))


def test_supervised_is_the_mean_square_over_known_coordinates():
    truth = torch.tensor([[[0.0, 0, 0], [3, 0, 4]], [[0, 0, 0], [float("nan")] * 3]])
    assert math.isclose(losses.supervised(torch.zeros(2, 2, 3), truth).item(), 25 / 9, rel_tol=1e-6)


def test_the_root_costs_its_distance_from_the_origin():
    pose = torch.zeros(2, 3, 3)
    pose[0, 1] = torch.tensor([2.0, 3.0, 6.0])
    assert math.isclose(losses.root(pose, 1).item(), 3.5, rel_tol=1e-4)


def test_orthographic_reprojection_is_the_mean_pixel_distance_of_visible_joints():
    pose = torch.tensor([[[10.0, 0, 500], [0, 20, -500], [1e5, 1e5, 0]]])
    seen = torch.tensor([[[5.0, 0], [0, 7], [0, 0]]])
    visible = torch.tensor([[True, True, False]])
    cost = losses.reprojection_orthographic(pose, torch.tensor([[0.5]]), seen, visible)
    assert math.isclose(cost.item(), (0 + 3) / 2, abs_tol=1e-3)


def test_perspective_reprojection_divides_by_depth():
    pose, seen = torch.tensor([[[100.0, 0, 1000.0]]]), torch.tensor([[[30.0, 4.0]]])
    far, focal = torch.tensor([[4000.0]]), torch.tensor([[1500.0]])
    cost = losses.reprojection_perspective(pose, far, focal, seen, torch.tensor([[True]]))
    assert math.isclose(cost.item(), 4, abs_tol=1e-3)  # 1500 * 100 / 5000 = 30


def test_limb_ratio_takes_one_limb_as_unit_and_leaves_unknown_limbs_out():
    pose = torch.tensor([[[0.0, 0, 0], [2, 0, 0], [2, 6, 0], [2, 6, 100]]])
    bones = torch.tensor([[0, 1], [1, 2], [2, 3]])
    cost = losses.limb_ratio(pose, bones, torch.tensor([10.0, 25.0, float("nan")]), unit=0)
    assert math.isclose(cost.item(), (0 + abs(3 - 2.5)) / 2, abs_tol=1e-3)


def order_log_loss(apart, p: float, share: float = float("nan")) -> torch.Tensor:
    return losses.order_log_loss(
        apart, torch.tensor([0.09]), torch.tensor([p]), torch.tensor([share]), torch.tensor(0.01), torch.tensor(0.1)
    )


@pytest.mark.parametrize("p", [0.0, 0.3, 0.8])
def test_order_log_loss_equals_the_hand_computed_value(p):
    chance = 0.05 + 0.9 * phi(0.6 / 0.3)  # so little blur does not matter
    merged = order_log_loss(torch.tensor([0.6]), p).item()
    assert math.isclose(merged, -math.log(p * chance + (1 - p) * (1 - chance)), rel_tol=1e-3)
    voted = order_log_loss(torch.tensor([0.6]), 0.9, share=p).item()
    assert math.isclose(voted, -(p * math.log(chance) + (1 - p) * math.log(1 - chance)), rel_tol=1e-3)


def test_votes_of_known_answers_and_certain_labels_cost_the_same():
    torch.testing.assert_close(order_log_loss(torch.tensor([0.3]), 1.0), order_log_loss(torch.tensor([0.3]), 0.5, share=1.0))


def test_doubtful_labels_of_far_apart_joints_do_not_pull_them_together():
    """Nine in ten say 'first' of such pairs, each with 72 % certainty: that is what is to be expected of joints far apart."""
    apart = torch.tensor([1.0], requires_grad=True)
    (0.9 * order_log_loss(apart, 0.72) + 0.1 * order_log_loss(apart, 0.28)).backward()
    assert apart.grad.item() < 0


def test_blurred_eyes_see_an_order_with_the_mean_of_the_normal_distribution_over_their_error():
    gap, deviation, blur = 0.3, 0.2, 0.5
    errors = [blur * (2 * (n + 0.5) / 4000 - 1) for n in range(4000)]
    expected = sum(phi((gap + error) / deviation) for error in errors) / 4000
    chance = losses.blurred_order(torch.tensor([gap]), torch.tensor([deviation]), torch.tensor(blur))
    assert math.isclose(chance.item(), expected, rel_tol=1e-4)


def test_sure_depths_and_blurred_eyes_give_the_papers_straight_line():
    gap = torch.tensor([-0.2, 0.0, 0.1, 0.3, 0.9])
    chance = losses.blurred_order(gap, torch.full((5,), 1e-3), torch.tensor(0.4))
    torch.testing.assert_close(chance, torch.tensor([0.25, 0.5, 0.625, 0.875, 1.0]), atol=1e-3, rtol=0)


def test_a_doubtful_label_pulls_less_than_a_sure_one():
    def pull(p: float) -> float:
        apart = torch.tensor([0.1], requires_grad=True)
        order_log_loss(apart, p).backward()
        return -apart.grad.item()

    assert pull(1.0) > pull(0.8) > 0 > pull(0.2)
    assert pull(0.5) == pytest.approx(0, abs=1e-6)


def test_limb_shape_is_free_of_scale_and_counts_depth_variance_as_length():
    reference, weight = torch.tensor([1.0, 2.0]), torch.ones(1, 2)
    assert losses.limb_shape(torch.tensor([[9.0, 36.0]]), reference, weight).item() < 1e-9
    # lengths 1 and 4 against 1 and 2: ratios 1 and 2, divided by their mean 1.5
    cost = losses.limb_shape(torch.tensor([[1.0, 16.0]]), reference, weight)
    assert math.isclose(cost.item(), (1 / 3) ** 2, rel_tol=1e-4)


def test_as_deep_as_wide_is_the_squared_log_ratio():
    cost = losses.as_deep_as_wide(torch.tensor([[4.0, 4.0]]), torch.tensor([[1.0, 1.0]]), torch.ones(1, 2))
    assert math.isclose(cost.item(), math.log(4) ** 2, rel_tol=1e-5)


def test_every_loss_passes_gradcheck():
    torch.manual_seed(0)

    def some(*shape):
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    pose, truth = some(3, 4, 3), torch.randn(3, 4, 3, dtype=torch.float64)
    seen, visible = truth[..., :2], torch.rand(3, 4) > 0.2
    bones = torch.tensor([[0, 1], [1, 2], [1, 3]])
    reference = torch.tensor([1.0, 2.0, 1.5], dtype=torch.float64)
    r, p = torch.tensor([-1.0, 0, 1, 1, -1], dtype=torch.float64), torch.rand(5, dtype=torch.float64)
    one = torch.ones(3, 3, dtype=torch.float64)
    positive = some(3, 3).square().detach().requires_grad_() + 0.1
    assert gradcheck(lambda x: losses.supervised(x, truth), (pose,))
    assert gradcheck(lambda a, b: losses.ranking(a, b, r), (some(5), some(5)))
    assert gradcheck(lambda a, b: losses.ranking(a, b, r, paper_code=True), (some(5), some(5)))
    assert gradcheck(lambda a, b: losses.expected_ranking(a, b, p), (some(5), some(5)))
    assert gradcheck(lambda x: losses.root(x, 1), (pose,))
    assert gradcheck(lambda x, s: losses.reprojection_orthographic(x, s, seen, visible), (pose, some(3, 1)))
    far = torch.full((3, 1), 9.0, dtype=torch.float64, requires_grad=True)
    focal = torch.ones(3, 1, dtype=torch.float64)
    assert gradcheck(lambda x, d: losses.reprojection_perspective(x, d, focal, seen, visible), (pose, far))
    assert gradcheck(lambda x: losses.limb_ratio(x, bones, reference, 0), (pose,))
    variance = torch.full((5,), 0.3, dtype=torch.float64, requires_grad=True)
    noise = torch.tensor([0.1, 0.05], dtype=torch.float64, requires_grad=True)
    share = torch.tensor([0.2, float("nan"), 1.0, float("nan"), 0.0], dtype=torch.float64)
    assert gradcheck(lambda a, v, n: losses.order_log_loss(a, v, p, share, n[0], n[1]), (some(5), variance, noise))
    assert gradcheck(lambda s: losses.limb_shape(s, reference, one), (positive,))
    assert gradcheck(lambda s: losses.as_deep_as_wide(s, one, one), (positive,))
    assert gradcheck(lambda x: losses.mean_distance(x, truth, visible.double()), (pose,))
