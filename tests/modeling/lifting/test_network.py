import numpy as np
import torch

from modeling.lifting.config import Config
from modeling.lifting.depths import Limbs, build, squared_limbs
from modeling.lifting.network import Depths, Dropout

from .make import BONES_17, LENGTHS_17, make_people, make_skeleton


def test_dropout_keeps_the_mean_drops_its_share_and_draws_other_masks_each_step_and_epoch():
    torch.manual_seed(0)
    layer, x = Dropout(0.25).train(), torch.ones(64, 128)
    one, other = layer(x), layer(x)
    assert abs(float((one == 0).float().mean()) - 0.25) < 0.02 and abs(float(one.mean()) - 1) < 0.02
    assert not torch.equal(one, other)
    strip = layer.strip
    layer.train()(x)
    assert not torch.equal(layer.strip, strip)


def test_nothing_is_dropped_in_use_and_large_batches_get_a_longer_strip():
    x = torch.ones(300, 4096)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert abs(float(Dropout(0.5)(x).mean()) - 1) < 0.02


def test_masks_have_the_precision_of_what_they_mask():
    layer = Dropout(0.5)
    assert layer(torch.ones(4, 4)).dtype == torch.float32
    assert layer(torch.ones(4, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_expected_limbs_are_the_distances_of_their_ends_with_the_variance_between():
    skeleton, config = make_skeleton(), Config(width=8, dropout=0.1)
    net = build(skeleton, config)
    pose = torch.from_numpy(make_people(5, pairs=None).pose3d)
    limbs = Limbs.of(skeleton, LENGTHS_17, net)
    sure = Depths(pose[..., 2], torch.zeros(5, 16))
    ends = np.array(BONES_17)
    lengths = (pose[:, ends[:, 0]] - pose[:, ends[:, 1]]).norm(dim=-1)
    assert torch.allclose(squared_limbs(pose, sure, limbs), lengths.square(), rtol=1e-4)
    unsure = Depths(pose[..., 2], torch.full((5, 16), 3.0))
    assert torch.allclose(squared_limbs(pose, unsure, limbs), lengths.square() + 9, rtol=1e-4)
