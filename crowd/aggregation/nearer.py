"""The default method: shared signal, ceiling, skills, habits and a model's opinions, all integrated out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaln

from crowd.aggregation.belief import Electorate, Fit, propagate
from crowd.aggregation.ceiling import Ceiling
from crowd.aggregation.fitted import CONFIDENCE_EDGES, Fitted, opinions
from crowd.aggregation.habits import HABITS, Habits
from crowd.aggregation.meanfield import mean_field
from crowd.aggregation.merged import Merged, Workers, agreement_with_others
from crowd.aggregation.signal import AGREEMENT, SEPARATIONS, SHIFTS, Population, machine_prior, shape, shift_row, vote_table
from crowd.aggregation.votes import Floats, Ints, Votes

SEPARATION_LOG_PRIOR = {0.0: 0.0, 0.8: -4.0, 0.95: -7.0}
GOLD_MARGIN = 1e-6
UNEVEN = 0.2
PILOT_VOTES = 30_000
SMALL_PILOT_VOTES = 8_000
MANY_VOTES = 120_000


@dataclass(frozen=True)
class Settings:
    """Choices of the default method.

    Attributes:
        ceiling: taken as it is where given; else learnt from gold, else the paper's 0.80.
        base_rate: share of label 1: "half" (one half, unless gold items contradict it at odds of 1000 to 1),
            "estimate" from the votes, or a number.
        label_bias: whether workers may lean to one label. It is learnt how much they do; False fixes it at zero.
    """

    ceiling: float | None = None
    base_rate: float | str = "half"
    label_bias: bool = True

    def __post_init__(self) -> None:
        if self.ceiling is not None and not 0.5 < self.ceiling <= 1:
            raise ValueError(f"ceiling is a share above 0.5 and at most 1, not {self.ceiling}")
        if isinstance(self.base_rate, str):
            if self.base_rate not in ("half", "estimate"):
                raise ValueError(f'base_rate is "half", "estimate" or a number between 0 and 1, not {self.base_rate!r}')
        elif not 0 < self.base_rate < 1:
            raise ValueError(f"base_rate lies between 0 and 1, not at {self.base_rate}")


def nearer(votes: Votes, *, prior: Floats | None = None, gold: Floats | None = None, seed: int = 0, **choices) -> Merged:
    """Merge votes by the model of `signal`, fitted by belief propagation for each candidate shape of the signal.

    Args:
        prior: (I,) a model's P(label 1), NaN where there is none. It is a further voter whose reliability is learnt.
        gold: (I,) known answers, NaN elsewhere: evidence on the workers and on the ceiling.
        choices: fields of `Settings`.
    The result does not depend on `seed`: nothing is drawn at random.
    """
    settings = Settings(**choices)
    gold = np.full(votes.n_items, np.nan) if gold is None else gold
    electorate = electorate_of(votes, prior)
    base_rate, notes = _base_rate(settings, gold)
    ceiling = Ceiling(gold, settings.ceiling, base_rate, settings.base_rate == "estimate")
    free = (settings.label_bias, votes.green is not None, votes.left is not None)
    ones = np.bincount(votes.worker, votes.label, minlength=votes.n_workers)
    habits = Habits.start(votes.n_workers, free, ones, votes.per_worker)
    fit = fitted_shape(electorate, ceiling, habits)
    return result(votes, fit, prior, settings, notes)


def fitted_shape(votes: Electorate, ceiling: Ceiling, habits: Habits) -> Fit:
    """The fit under the shape of the signal that the votes support best.

    Shapes are told apart by all votes where there are few, else by those on some items, spread over the list. Beyond
    `MANY_VOTES` the fit itself is by mean field.
    """
    population, n = Population(), len(votes.item)

    def likelihood(one: Fit) -> float:
        return one.log_evidence + SEPARATION_LOG_PRIOR[one.separation]

    if n <= PILOT_VOTES:
        return max((propagate(votes, ceiling, habits, separation, population) for separation in SEPARATIONS), key=likelihood)
    many = n > MANY_VOTES
    some, people = _some_items(votes, SMALL_PILOT_VOTES if many else PILOT_VOTES)
    theirs = habits.of(people).frozen() if many else habits.of(people)
    shapes = SEPARATIONS[::2] if many else SEPARATIONS  # so little time tells the ends apart, not what lies between
    no_gold = replace(ceiling, gold=np.full(some.n_items, np.nan), estimate_base_rate=False)
    pilot = max((propagate(some, no_gold, theirs, separation, population) for separation in shapes), key=likelihood)
    if not many:
        return propagate(votes, ceiling, habits, pilot.separation, population)
    return mean_field(votes, ceiling, habits, pilot.separation, population, pilot.population)


def _some_items(votes: Electorate, n_votes: int) -> tuple[Electorate, Ints]:
    """The votes on every so manieth item, about n_votes of them, items and people numbered anew; and who they are."""
    stride = -(-len(votes.item) // n_votes)
    keep = np.flatnonzero(votes.item % stride == 0)
    voters = np.unique(votes.worker[keep])
    people = voters[voters < votes.n_people]
    number = np.zeros(votes.n_voters, np.int64)
    number[people] = np.arange(len(people))
    number[votes.n_people :] = len(people) + np.arange(votes.n_voters - votes.n_people)
    some = replace(
        votes, item=votes.item[keep] // stride, worker=number[votes.worker[keep]], label=votes.label[keep],
        look=votes.look[keep], n_items=-(-votes.n_items // stride), n_people=len(people),
    )  # fmt: skip
    return some, people


def electorate_of(votes: Votes, prior: Floats | None) -> Electorate:
    """People's votes and, after them, a model's opinions."""
    item, worker, label = votes.item, votes.worker, votes.label.astype(np.int64)
    look = np.zeros((len(votes), 3), np.int8)
    look[:, 0] = 1
    for column, shown in ((1, votes.green), (2, votes.left)):
        if shown is not None:
            look[:, column] = shown
    edges = np.concatenate([[0.5], CONFIDENCE_EDGES, [1.0]])
    machine = np.log(machine_prior((edges[1:] + edges[:-1]) / 2))
    if prior is None:
        return Electorate(item, worker, label, look, votes.n_items, votes.n_workers, machine)
    said = opinions(prior)
    return Electorate(
        np.concatenate([item, said.item]),
        np.concatenate([worker, votes.n_workers + said.confidence]),
        np.concatenate([label, said.label]),
        np.vstack([look, np.zeros((len(said.item), 3), np.int8)]),
        votes.n_items,
        votes.n_workers,
        machine,
    )


def result(votes: Votes, fit: Fit, prior: Floats | None, settings: Settings, notes: list[str]) -> Merged:
    """Probabilities, workers and parameters out of a fit."""
    ceiling, n_workers = fit.ceiling, votes.n_workers
    fitted = Fitted(
        separation=fit.separation, link=ceiling.link, base_rate=ceiling.base_rate, ceiling=ceiling.value,
        ceiling_note=ceiling.sentence(), population=fit.population, slopes=fit.slopes[:n_workers],
        habits=fit.habits.mean, machine=fit.slopes[n_workers:],
    )  # fmt: skip
    crowd_probability = fitted.probability(fit.evidence)
    known = ceiling.known
    probability = np.where(known, np.clip(np.nan_to_num(ceiling.gold), GOLD_MARGIN, 1 - GOLD_MARGIN), crowd_probability)
    notes = [ceiling.sentence(), *notes]
    source = "gold" if ceiling.learnt else "setting" if ceiling.given else "paper"
    if settings.base_rate == "estimate":
        told = "it cannot be told from a reluctance that all workers share"
        notes.append(f"base rate {ceiling.base_rate:.2f} estimated from the votes: {told}")
    share = float(votes.label.mean()) if len(votes) else 0.5
    if settings.base_rate == "half" and ceiling.base_rate == 0.5 and abs(share - 0.5) > UNEVEN:
        notes.append(
            f"{share:.0%} of the votes say 1, and half of the truths are taken to be 1: if the truths are as uneven, "
            "give gold items or the base rate"
        )
    if fit.separation > 0.9:
        notes.append("the votes look independent given the truth: no pair is harder than another")
    if prior is not None:
        notes.append(_machine_sentence(fit, prior, n_workers))
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
            "label_bias": settings.label_bias,
            "separation": fit.separation,
            "rounds": fit.rounds,
        },
        notes=notes,
        fitted=fitted,
        crowd_probability=crowd_probability,
    )


def _workers(votes: Votes, fit: Fit) -> Workers:
    """Skill of each worker on a pair like any other, side and colour drawn at random."""
    mass, even = shape(fit.separation), fit.ceiling.link
    chance = vote_table()[0]
    person = fit.slopes[: votes.n_workers]
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


def _base_rate(settings: Settings, gold: Floats) -> tuple[float, list[str]]:
    """Where to start, and what to tell if gold contradicts one half."""
    if not isinstance(settings.base_rate, str):
        return float(settings.base_rate), []
    known = gold[~np.isnan(gold)]
    n, ones = len(known), known.sum()
    # log odds of "any share is as likely" against "one half", for the gold answers in hand
    log_odds = gammaln(ones + 1) + gammaln(n - ones + 1) - gammaln(n + 2) + n * np.log(2)
    share = float((ones + 1) / (n + 2))
    if settings.base_rate == "half" and log_odds > np.log(1000):
        return share, [f"base rate {share:.2f} from {n} gold pairs, which rule out one half"]
    return 0.5, []


def _machine_sentence(fit: Fit, prior: Floats, n_workers: int) -> str:
    said = opinions(prior)
    mass, even = shape(fit.separation), fit.ceiling.link
    says_one = vote_table()[0][2 * (len(SHIFTS) // 2) + 1]
    right = 2 * (says_one @ (mass * even))
    used = np.bincount(said.confidence, minlength=len(fit.slopes) - n_workers)
    skill = float(used @ (fit.slopes[n_workers:] @ right) / max(used.sum(), 1))
    return f"the model's opinion on {len(said.item)} pairs counts as a vote that is right {skill:.0%} of the time"
