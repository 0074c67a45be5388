"""Further pairs about which the lifter is in doubt and people are not: those teach it most. See `annotation.more_pairs`."""

from collections.abc import Iterator

import numpy as np

from annotation import more_pairs
from annotation.models import Dataset, Person
from crowd import further_pairs
from crowd.planning import orders
from crowd.simulation import PaperCrowd
from modeling import promoting
from modeling.models import Prediction, Run


def newest_run(dataset: Dataset) -> Run | None:
    """Whose predictions to go by: the promoted run's, else those of the last run that has predicted the data set's people."""
    promotion = promoting.current(dataset)
    ran = list(Run.objects.filter(state=Run.State.DONE, release__campaign__dataset=dataset).order_by("-pk"))
    if promotion is not None and promotion.run is not None:
        ran.insert(0, promotion.run)
    about = Prediction.objects.filter(person__image__dataset=dataset).exclude(deviation_mm=[])
    return next((run for run in ran if about.filter(run=run).exists()), None)


def _uncertain(dataset: Dataset, wish: more_pairs.Wish) -> Iterator[more_pairs.Choice]:
    from modeling.lifting.skeletons import Skeleton

    run = newest_run(dataset)
    if run is None:
        raise ValueError("No run has said yet how sure it is of these people's depths. Train one on a release of theirs first.")
    skeleton = dataset.skeleton
    known = Skeleton(
        skeleton.name, tuple(skeleton.joints), tuple((a, b) for a, b in skeleton.bones), tuple(skeleton.mirror), skeleton.root
    )

    def believe(keys: list[int]) -> orders.Depths:
        said = {prediction.person_id: prediction for prediction in run.predictions.filter(person__in=keys)}
        mean = np.array([said[key].pose_mm for key in keys], float)[..., 2]
        deviation = np.array([said[key].deviation_mm for key in keys], float)
        return orders.Depths(mean, orders.tree_covariance(known.tree(), known.root, deviation), PaperCrowd().shared_mm)

    predicted = Prediction.objects.filter(run=run).exclude(deviation_mm=[])
    people = Person.objects.filter(image__dataset=dataset, pk__in=predicted.values("person"))
    yield from further_pairs.most_telling(dataset, wish, believe, people=people)


def register() -> None:
    more_pairs.register(
        "uncertain", "so many for each person where the lifter is in doubt and people are not, the most telling first",
        _uncertain, counts=True,
    )
