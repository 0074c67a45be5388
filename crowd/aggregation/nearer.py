"""The default method: shared signal, ceiling, skills and habits, all integrated out, and a model's opinion beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from crowd.aggregation.belief import Fit
from crowd.aggregation.bodies import Bodies
from crowd.aggregation.ceiling import Ceiling
from crowd.aggregation.electorate import electorate_of
from crowd.aggregation.fitted import Fitted
from crowd.aggregation.habits import HABITS
from crowd.aggregation.hypotheses import best_fit, starts
from crowd.aggregation.merged import Merged, Workers, agreement_with_others
from crowd.aggregation.opinion import Opinion, correlation, is_opinion
from crowd.aggregation.signal import AGREEMENT, SHIFTS, shape, shift_row, vote_table
from crowd.aggregation.votes import Floats, Votes

GOLD_MARGIN = 1e-6
UNEVEN = 0.1


@dataclass(frozen=True)
class Settings:
    """Choices of the default method.

    Attributes:
        ceiling: taken as it is where given; else learnt from gold, else the paper's 0.80.
        base_rate: share of label 1: "half" (one half, unless votes or gold items clearly contradict it), "estimate", or a
            number, which stands.
        label_bias: whether workers may lean to one label. True: it is learnt how much they do; False: it is zero. None: False
            where the votes say which alternative was shown on which side or in which colour, since then the labels themselves
            mean nothing to a worker; else True.
        by_body: whether the pairs of a person speak for each other, where `bodies` are given.
    """

    ceiling: float | None = None
    base_rate: float | str = "half"
    label_bias: bool | None = None
    by_body: bool = True

    def __post_init__(self) -> None:
        if self.ceiling is not None and not 0.5 < self.ceiling <= 1:
            raise ValueError(f"ceiling is a share above 0.5 and at most 1, not {self.ceiling}")
        if isinstance(self.base_rate, str):
            if self.base_rate not in ("half", "estimate"):
                raise ValueError(f'base_rate is "half", "estimate" or a number between 0 and 1, not {self.base_rate!r}')
        elif not 0 < self.base_rate < 1:
            raise ValueError(f"base_rate lies between 0 and 1, not at {self.base_rate}")


def nearer(
    votes: Votes, *, prior: Floats | None = None, gold: Floats | None = None, bodies: Bodies | None = None, seed: int = 0,
    **choices,
) -> Merged:
    """Merge votes by the model of `signal`, fitted by belief propagation for each candidate shape of the signal.

    Args:
        prior: (I,) a model's P(label 1), NaN where there is none; see `opinion`.
        gold: (I,) known answers, NaN elsewhere: evidence on the workers and on the ceiling.
        bodies: whose keypoints the items compare: then the pairs of a person speak for each other, see `bodies`.
        choices: fields of `Settings`.
    The result does not depend on `seed`: nothing is drawn at random.
    """
    settings = Settings(**choices)
    gold = np.full(votes.n_items, np.nan) if gold is None else gold
    if settings.label_bias is None:
        settings = replace(settings, label_bias=votes.green is None and votes.left is None)
    free = (settings.label_bias, votes.green is not None, votes.left is not None)
    hypotheses = starts(votes, gold, ceiling=settings.ceiling, base_rate=settings.base_rate, free=free)
    bodies = bodies if settings.by_body else None
    return result(votes, best_fit(electorate_of(votes), hypotheses), prior, settings, bodies)


def apart(votes: Votes, **choices) -> Merged:
    """`nearer`, but each item for itself: for labels that rest on the votes about nothing else."""
    merged = nearer(votes, **choices | {"bodies": None})
    return replace(merged, method="nearer-apart", settings=merged.settings | {"method": "nearer-apart"})


def result(
    votes: Votes, fit: Fit, prior: Floats | None, settings: Settings, bodies: Bodies | None = None
) -> Merged:
    """Probabilities, workers and parameters out of a fit."""
    ceiling, mass = fit.ceiling, shape(fit.separation, fit.ceiling.seen_rate)
    opinion = Opinion() if prior is None else Opinion.measured(prior, fit.evidence, mass)
    fitted = Fitted(
        separation=fit.separation, link=ceiling.link, base_rate=ceiling.base_rate, seen_rate=ceiling.seen_rate,
        ceiling=ceiling.value, ceiling_note=ceiling.sentence(), population=fit.population, slopes=fit.slopes,
        habits=fit.habits.mean, opinion=opinion,
    )  # fmt: skip
    if bodies is not None:
        fitted = fitted.with_poses(fit.evidence, bodies, prior)
    evidence = np.pad(fit.evidence, ((0, 0), (0, 1)))
    crowd_probability = fitted.probability(fitted.heard(evidence, prior, bodies))
    known = ceiling.known
    probability = np.where(known, np.clip(np.nan_to_num(ceiling.gold), GOLD_MARGIN, 1 - GOLD_MARGIN), crowd_probability)
    notes = [ceiling.sentence(), *_base_rate_notes(votes, ceiling, settings)]
    source = "gold" if ceiling.learnt else "setting" if ceiling.given else "paper"
    if fit.separation > 0.9:
        notes.append("the votes look independent given the truth: no pair is harder than another")
    if prior is not None:
        notes.append(f"the model's opinion on {int(is_opinion(prior).sum())} pairs {_worth(opinion, ceiling.link, mass)}")
    if bodies is not None:
        who = "what the other pairs of a person say" + ("" if prior is None else ", the model's opinion included,")
        notes.append(f"{who} {_worth(fitted.opinion, ceiling.link, mass)}")
    return Merged(
        probability=probability,
        label=(probability > 0.5).astype(np.int64),
        risk=np.minimum(probability, 1 - probability),
        votes=votes.per_item,
        workers=_workers(votes, fit),
        method="nearer",
        settings={
            "method": "nearer",
            "ceiling": round(ceiling.value, 4),
            "ceiling_from": source,
            "n_gold": ceiling.n_gold,
            "base_rate": round(ceiling.base_rate, 4),
            "seen_rate": round(ceiling.seen_rate, 4),
            "label_bias": settings.label_bias,
            "by_body": bodies is not None,
            "separation": fit.separation,
            "rounds": fit.rounds,
        },
        notes=notes,
        fitted=fitted,
        crowd_probability=crowd_probability,
        alone=fitted.probability(evidence),
    )


def _workers(votes: Votes, fit: Fit) -> Workers:
    """Skill of each worker on a pair like any other, side and colour drawn at random."""
    mass, even = shape(fit.separation, fit.ceiling.seen_rate), fit.ceiling.link
    chance = vote_table()[0]
    person = fit.slopes
    bias = fit.habits.mean
    one_if_one = np.empty((len(chance) // 2, len(AGREEMENT)))
    one_if_zero = np.empty_like(one_if_one)
    for row in range(len(SHIFTS)):
        says_one = chance[2 * row + 1]
        one_if_one[row] = says_one @ (mass * even) / (mass @ even)
        one_if_zero[row] = says_one @ (mass * (1 - even)) / (mass @ (1 - even))
    row = shift_row(bias[:, 0])
    true_positive, true_negative = one_if_one[row], 1 - one_if_zero[row]  # (W, J)
    accuracy = (true_positive + true_negative) / 2
    low, skill, high = _spread(accuracy, person)
    agreement, agreement_low, agreement_high = agreement_with_others(votes, fit.others[: len(votes)])
    guesses = person[:, (AGREEMENT > 0.45) & (AGREEMENT < 0.55)].sum(1) > 0.9
    contrary = person[:, AGREEMENT < 0.45].sum(1) > 0.9
    return Workers(
        votes=votes.per_worker, agreement=agreement, agreement_low=agreement_low, agreement_high=agreement_high,
        skill=skill, skill_low=low, skill_high=high, **{f"{name}_bias": bias[:, n] for n, name in enumerate(HABITS)},
        true_positive=(person * true_positive).sum(1), true_negative=(person * true_negative).sum(1),
        kind=np.where(contrary, "contrary", np.where(guesses, "guesses", "ordinary")),
    )  # fmt: skip


def _spread(value: Floats, mass: Floats) -> tuple[Floats, Floats, Floats]:
    """2.5 % quantile, mean and 97.5 % quantile of values (W, J), rising along J, under the masses (W, J).

    A node's mass is spread evenly between the midpoints to its neighbours, so that quantiles move smoothly.
    """
    edges = np.concatenate([value[:, :1], (value[:, 1:] + value[:, :-1]) / 2, value[:, -1:]], axis=1)
    cumulative = np.concatenate([np.zeros((len(mass), 1)), np.cumsum(mass, axis=1)], axis=1)
    out = []
    for level in (0.025, 0.975):
        cell = np.minimum((cumulative[:, 1:] < level).sum(1), mass.shape[1] - 1)
        at = np.arange(len(mass))
        inside = (level - cumulative[at, cell]) / np.maximum(mass[at, cell], 1e-12)
        out.append(edges[at, cell] + np.clip(inside, 0, 1) * (edges[at, cell + 1] - edges[at, cell]))
    return out[0], (value * mass).sum(1), out[1]


def _base_rate_notes(votes: Votes, ceiling: Ceiling, settings: Settings) -> list[str]:
    """What is taken for the share of ones, where it is not simply one half, and why."""
    if not isinstance(settings.base_rate, str):
        return []
    why = "as asked" if settings.base_rate == "estimate" else "which rule out one half"
    if ceiling.estimate_base_rate and ceiling.is_known:
        source = f"the votes and {ceiling.n_gold} gold pairs" if ceiling.learnt else "the votes"
        return [f"base rate {ceiling.base_rate:.2f} from {source}, {why}"]
    if ceiling.estimate_base_rate:
        told = "gold items would tell how many are"
        return [f"{ceiling.seen_rate:.0%} of the items look like ones, from the votes, {why}; {told}"]
    share = float(votes.label.mean()) if len(votes) else 0.5
    if abs(share - 0.5) > UNEVEN:
        told = "if the truths are as uneven, give gold items or the base rate"
        return [f"{share:.0%} of the votes say 1, and half of the truths are taken to be 1: {told}"]
    return []


def _worth(opinion: Opinion, link: Floats, mass: Floats) -> str:
    a = correlation(link, mass)
    right = 0.5 + np.arcsin(opinion.correlation_with_truth(a)) / np.pi
    own = opinion.own_share(a)
    errors = "its own" if own > 0.75 else "those of the crowd" if own < 0.25 else "in part those of the crowd"
    return f"counts as right {right:.0%} of the time, its errors as {errors}"
