"""Votes in, probabilities and skills out. Pure NumPy and SciPy; usable from a notebook and as `python -m crowd.aggregation`.

    from crowd.aggregation import Votes, merge
    merged = merge(Votes(item, worker, label))
    merged.probability, merged.risk, merged.workers.agreement

`docs/aggregation.md` derives the model.
"""

from crowd.aggregation.bodies import Bodies
from crowd.aggregation.fitted import Fitted
from crowd.aggregation.merged import Merged, Workers
from crowd.aggregation.methods import DEFAULT_METHOD, METHODS, merge
from crowd.aggregation.votes import BadVotes, Votes

__all__ = ["DEFAULT_METHOD", "METHODS", "BadVotes", "Bodies", "Fitted", "Merged", "Votes", "Workers", "merge"]
