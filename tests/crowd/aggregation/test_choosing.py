"""Pairs of one image are asked together as far as that pays."""

import numpy as np

from crowd.aggregation.choosing import grouped


def test_groups_by_image_are_taken_as_far_as_they_pay_for_the_workers_time():
    name, image = np.arange(6), np.array([1, 1, 1, 2, 3, 4])
    worth = np.array([0.10, 0.10, 0.10, 0.12, 0.11, 0.02])
    # Three good pairs of one image beat slightly better ones that cost a new image each.
    assert grouped(name, image, worth, 4, most_per_image=5, look_s=3.0) == [0, 1, 2, 3]
    # With new images for nothing the best pairs come first.
    assert set(grouped(name, image, worth, 2, most_per_image=5, look_s=3.0, new_image_s=0)) == {3, 4}
    assert grouped(name, image, worth, 3, most_per_image=1, look_s=3.0) == [3, 4, 0]
