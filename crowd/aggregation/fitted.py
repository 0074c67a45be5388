"""The fitted parameters: kept, reloaded, and used on new votes without a new fit."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crowd.aggregation.bodies import Bodies, Poses, learnt, looks
from crowd.aggregation.ceiling import truth_at
from crowd.aggregation.opinion import Opinion, correlation
from crowd.aggregation.signal import (
    NODES,
    link,
    row_sum,
    shape,
    shift_row,
    softmax,
    steepness_for,
    thin_product,
    vote_table,
)
from crowd.aggregation.votes import Floats, Votes

FORMAT = 2
CLEAR = 0.95  # the least ceiling for choosing what to ask: above the paper's, as people may see better than they did there
CHUNK = 65_536
POSES = ("mean", "covariance", "own")  # as stored


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a full fit of the default method leaves behind.

    Attributes:
        separation: of the signal's shape. link: (K,) P(label 1 | signal) at a base rate of one half.
        base_rate: share of label 1. seen_rate: share of items that look like ones, see `signal.shape`.
        ceiling: what an endless crowd would get right. ceiling_note: where it comes from.
        population: (J,) slopes of a worker never seen before.
        slopes: (W, J) posterior of each worker's slope. habits: (W, 3) label, green, left, in units of the probit.
        opinion: what is known of opinions: of a model's, or of what the other pairs of a person and a model say together.
        poses: how people hold themselves; None where nothing was told of whose pairs the items are.
        beside: the same of what a model's opinions leave; None where there were none.
        model: what is known of a model's opinions alone, where there are `poses`.
    """

    separation: float
    link: Floats
    base_rate: float
    ceiling: float
    ceiling_note: str
    population: Floats
    slopes: Floats
    habits: Floats
    opinion: Opinion = field(default_factory=Opinion)
    seen_rate: float = 0.5
    poses: Poses | None = None
    beside: Poses | None = None
    model: Opinion = field(default_factory=Opinion)

    @property
    def n_workers(self) -> int:
        return len(self.slopes)

    @cached_property
    def _log_mass(self) -> Floats:
        return np.log(shape(self.separation, self.seen_rate))

    @cached_property
    def _clearness(self) -> float:
        """Correlation of gap and signal."""
        return correlation(self.link, np.exp(self._log_mass))

    def evidence(self, votes: Votes, prior: ArrayLike | None = None, bodies: Bodies | None = None) -> Floats:
        """What is known of each item: the log likelihood of its votes on the nodes of its signal, workers' parameters held
        fixed, and last an opinion, see `Opinion.standard`.

        Evidence of different votes on the same items adds up: for a new vote, add the evidence of that vote alone; what it
        says of the other pairs of its person is `heard` then.

        Args:
            votes: workers from n_workers on count as newcomers.
            prior: (I,) a model's P(label 1) per item, NaN where there is none. Give it once per item, not with every batch.
            bodies: of the items, where the merge was told of them too; all pairs of their people.
        Returns: (I, K + 1).
        """
        known = votes.worker < self.n_workers
        person = np.where(known, votes.worker, 0)
        slopes, shift = np.tile(self.population, (len(votes), 1)), np.zeros(len(votes))
        if self.n_workers:
            slopes = np.where(known[:, None], self.slopes[person], slopes)
            shift += np.where(known, self.habits[person, 0], 0.0)
            for column, shown in ((1, votes.green), (2, votes.left)):
                if shown is not None:
                    shift += np.where(known, self.habits[person, column], 0.0) * shown
        messages = _log_messages(slopes, 2 * shift_row(shift) + votes.label)
        out = np.zeros((votes.n_items, len(NODES) + 1))
        np.add.at(out[:, :-1], votes.item, messages)
        return self.heard(out, prior, bodies)

    def heard(self, evidence: Floats, prior: ArrayLike | None = None, bodies: Bodies | None = None) -> Floats:
        """The same evidence (I, K + 1) with the opinion that follows from it: of a model, and of a person's other pairs."""
        prior = None if prior is None else np.asarray(prior, float)
        if bodies is not None and self.poses is not None:
            prior = self.said(evidence[:, :-1], bodies, prior)
        opinion = np.zeros(len(evidence)) if prior is None else self.opinion.standard(prior)
        return np.column_stack([evidence[:, :-1], opinion])

    def said(self, evidence: Floats, bodies: Bodies, prior: Floats | None = None) -> Floats:
        """(I,) P(label 1) by a person's other pairs and a model (I,), not by the item's own votes.

        Args:
            evidence: (I, K) of votes alone.
        """
        if prior is None:
            return self.poses.foretold(bodies, *self._looks(evidence), np.zeros(len(evidence)))
        u, b = self.model.standard(prior), self._known_by(self.model)
        beside = self.beside or self.poses.shrunk(1 - b**2)  # a model that came after the merge
        said = beside.foretold(bodies, *self.looks_beside(self.model, evidence, u), b * u)
        silent = u == 0
        if silent.any():  # then the model's opinions of the other pairs are looks too
            seen, precision = self._looks(evidence)
            by_model = np.where(silent, 0.0, b**2 / (1 - b**2))
            both = precision + by_model
            seen = (precision * seen + by_model * u / (b or 1)) / np.where(both > 0, both, 1)
            said[silent] = self.poses.foretold(bodies, seen, both, np.zeros(len(seen)))[silent]
        return said

    def looks_beside(self, model: Opinion, evidence: Floats, u: Floats) -> tuple[Floats, Floats]:
        """Looks at the gaps by votes, with the gap that a model expects added to what they show beside what it says.

        What the model and people see wrongly together is no look at the gap.

        Args:
            u: (I,) of `Opinion.standard`; 0 where the model says nothing, so that the gap is the more doubtful.
        Returns: seen and precision, each (I,), see `bodies.looks`.
        """
        b, shared = self._known_by(model), model.agreement / self._clearness
        seen, precision = self._looks(evidence)
        seen = np.where(precision > 0, seen + (b - shared) * u, 0.0)
        return seen, precision / (1 + np.where(u == 0, b**2, 0.0) * precision)

    def _looks(self, evidence: Floats) -> tuple[Floats, Floats]:
        return looks(evidence, np.exp(self._log_mass), self._clearness)

    def _known_by(self, model: Opinion) -> float:
        return model.correlation_with_truth(self._clearness)

    def with_poses(self, evidence: Floats, bodies: Bodies, prior: Floats | None) -> Fitted:
        """The same with how people hold themselves, learnt from votes (I, K), and with what the pairs of a person, and a model,
        are worth together."""
        poses, beside = learnt(bodies, *self._looks(evidence)), None
        if prior is not None:
            u, b = self.opinion.standard(prior), self._known_by(self.opinion)
            seen, precision = self.looks_beside(self.opinion, evidence, u)
            beside = learnt(bodies, seen - b * u, precision, 1 - b**2)
        told = replace(self, model=self.opinion, poses=poses, beside=beside)
        said = told.said(evidence, bodies, prior)
        return replace(told, opinion=Opinion.measured(said, evidence, np.exp(self._log_mass)))

    def foretold(self, evidence: Floats) -> Floats:
        """(I,) the opinion that stands in this evidence, as P(label 1); 0.5 where there is none."""
        return self.opinion.probability(evidence[:, -1])

    def probability(self, evidence: Floats, ceiling: float | None = None) -> Floats:
        """P(label 1) of each item.

        Args:
            evidence: (I, K + 1), from `evidence`.
            ceiling: another one than the fitted, such as 1 for what an endless crowd would say.
        Returns: (I,).
        """
        out = np.empty(len(evidence))
        for start in range(0, len(out), CHUNK):
            truth, belief = self._belief(evidence[start : start + CHUNK], ceiling)
            out[start : start + CHUNK] = _mean(belief, truth)
        return out

    def expected_drop(self, evidence: Floats, worker: int | None = None, ceiling: float | None = None) -> Floats:
        """By how much one more vote of this worker is expected to lower a b / (a + b), what is still to be decided.

        With g = 2 P(y = 1 | theta) - 1, what saying 1 is worth, a = E max(g, 0) and b = E max(-g, 0): what would be lost by
        the one answer and by the other against an endless crowd's. What such a crowd would get wrong too counts for
        nothing, nor does which of two keypoints looks closer where they look equally close. Under a ceiling of 1 it is
        p (1 - p).

        Args:
            evidence: (I, K + 1). worker: his index; None or one beyond n_workers for a newcomer.
            ceiling: of the link to the truth; the fitted one, or `CLEAR` where that is higher.
        Returns: (I,), at least 0.
        """
        truth, belief = self._belief(evidence, max(self.ceiling, CLEAR) if ceiling is None else ceiling)
        newcomer = worker is None or not 0 <= worker < self.n_workers
        slopes = self.population if newcomer else self.slopes[worker]
        # Side and colour are drawn when the question is shown: a worker's habit of label alone is known before.
        shift = 0.0 if newcomer else float(self.habits[worker, 0])
        says_one = slopes @ vote_table()[0][2 * int(shift_row(np.array(shift))) + 1]
        gain = 2 * truth - 1
        first, second = np.maximum(gain, 0), np.maximum(-gain, 0)
        a, b, a_one, b_one = (_mean(belief, value) for value in (first, second, first * says_one, second * says_one))
        return np.maximum(_undecided(a, b) - _undecided(a_one, b_one) - _undecided(a - a_one, b - b_one), 0.0)

    def belief(self, evidence: Floats) -> Floats:
        """(I, K) posterior of each item's signal on the nodes."""
        return self._belief(evidence, None)[1]

    def _belief(self, evidence: Floats, ceiling: float | None) -> tuple[Floats, Floats]:
        """P(label 1) at each node, (K,) or, where a model has opinions, (I, K); and (I, K) posterior of the nodes."""
        even = self.link if ceiling is None else np.clip(link(steepness_for(ceiling, self.separation)), 1e-4, 1 - 1e-4)
        logs, opinions = evidence[:, : len(NODES)] + self._log_mass, evidence[:, len(NODES) :].sum(1)
        if opinions.any():
            logs += self.opinion.of_view(opinions)
            even = self.opinion.of_truth(even, opinions, np.exp(self._log_mass))
        logs += np.log(self.base_rate * even + (1 - self.base_rate) * (1 - even))
        return truth_at(even, self.base_rate), softmax(logs)[0]

    def to_bytes(self) -> bytes:
        """An .npz file, to be stored with the merge."""
        meta, arrays = {"format": FORMAT}, {}
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, np.ndarray):
                arrays[part.name] = value.astype(np.float32) if value.ndim == 2 else value
            elif isinstance(value, Poses):
                arrays |= {f"{part.name} {name}": np.asarray(getattr(value, name)) for name in POSES}
            elif value is not None:
                meta[part.name] = asdict(value) if isinstance(value, Opinion) else value
        out = io.BytesIO()
        np.savez_compressed(out, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Fitted:
        """Read back what `to_bytes` wrote. Raises ValueError for anything else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                arrays = {name: stored[name].astype(float) for name in stored.files if name != "meta"}
                meta = json.loads(bytes(stored["meta"]))
            if (version := meta.pop("format")) == 1:
                arrays.pop("machine")  # how a model's opinions were weighed then; the next merge measures them anew
            elif version != FORMAT:
                raise ValueError("another format")
            for name in ("opinion", "model"):
                meta[name] = Opinion(**meta.get(name, {}))
            for part in ("poses", "beside"):
                if f"{part} own" in arrays:
                    mean, covariance, own = (arrays.pop(f"{part} {name}") for name in POSES)
                    meta[part] = Poses(mean, covariance, float(own))
            return cls(**meta, **arrays)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"these are not the parameters of a merge by this version ({error}); merge again") from error


def _mean(belief: Floats, value: Floats) -> Floats:
    """(I,) mean of a value (K,) or (I, K) of the nodes under (I, K) beliefs."""
    return thin_product(belief, value[:, None])[:, 0] if value.ndim == 1 else row_sum(belief * value)


def _undecided(a: Floats, b: Floats) -> Floats:
    return a * b / np.maximum(a + b, 1e-12)


def _log_messages(slopes: Floats, row: NDArray[np.int64]) -> Floats:
    """(V, K) log probability of each vote at the nodes, its worker's slope integrated out."""
    chance = vote_table()[0]
    out = np.empty((len(row), chance.shape[2]))
    for value in np.unique(row):
        some = row == value
        out[some] = np.log(thin_product(slopes[some], chance[value]))
    return out
