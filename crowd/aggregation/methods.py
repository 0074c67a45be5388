"""One door to all methods."""

from __future__ import annotations

from dataclasses import replace

from numpy.typing import ArrayLike

from crowd.aggregation.baselines import dawid_skene, glad, lean, majority
from crowd.aggregation.bodies import Bodies
from crowd.aggregation.merged import Merged
from crowd.aggregation.nearer import apart, nearer
from crowd.aggregation.votes import BadVotes, Votes, checked_gold, checked_prior

METHODS = {
    "nearer": nearer, "nearer-apart": apart, "lean": lean, "majority": majority, "dawid-skene": dawid_skene, "glad": glad,
}  # fmt: skip
DEFAULT_METHOD = "nearer"


def merge(
    votes: Votes,
    method: str = DEFAULT_METHOD,
    *,
    prior: ArrayLike | None = None,
    gold: ArrayLike | None = None,
    bodies: Bodies | None = None,
    seed: int = 0,
    **settings,
) -> Merged:
    """Merge votes into a probability per item and a skill per worker.

    Args:
        votes: see `Votes`; any order of rows gives the same result.
        method: one of `METHODS`.
        prior: (I,) a model's probability of label 1 for each item, NaN where there is none.
        gold: (I,) known answers 0 or 1, NaN elsewhere; used by "nearer" and "dawid-skene".
        bodies: whose keypoints the items compare, one row per item; used by "nearer".
        seed: kept with the settings; no method draws at random.
        settings: of the method, see its function.
    Raises: BadVotes for impossible priors or gold; ValueError for an unknown method or setting.
    """
    if method not in METHODS:
        raise ValueError(f"method is one of {', '.join(METHODS)}, not {method!r}")
    prior, notes = checked_prior(prior, votes.n_items)
    gold = checked_gold(gold, votes.n_items)
    if bodies is not None and len(bodies) != votes.n_items:
        raise BadVotes(f"bodies have one row for each of the {votes.n_items} items, not {len(bodies)}")
    if bodies is not None and method == "nearer":
        settings["bodies"] = bodies
    try:
        merged = METHODS[method](votes, prior=prior, gold=gold, seed=seed, **settings)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise ValueError(f"{method} has no such setting: {error}") from error
    if votes.repeated:
        notes = [f"{votes.repeated} votes of workers who had voted on the item before: their last answer counts", *notes]
    if len(votes) and (votes.label == votes.label[0]).all():
        notes = [*notes, f"every vote says {votes.label[0]}: nothing can be learnt about the workers"]
    if (votes.per_worker > 0).sum() == 1:
        notes = [*notes, "all votes come from one worker: nobody can be compared with him"]
    return replace(merged, notes=[*merged.notes, *notes], settings=merged.settings | {"seed": seed})
