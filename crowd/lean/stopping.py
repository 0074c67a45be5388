"""When a pair is finished: sure enough, agreed on, or asked so often that people's disagreement is itself the answer."""

import numpy as np

from crowd.models import Campaign, Standing

State = Standing.State
ABOUT_EQUAL = 0.35  # p_first from here to 1 minus this: people do not agree


def states(campaign: Campaign, risk: np.ndarray, unsettled: np.ndarray, n_votes: np.ndarray) -> np.ndarray:
    """(P,) of `Standing.State` values.

    A pair is sure once its risk is at most `target_risk` (Branson et al. 2017, section 3.3). People may agree and be
    misled together: then no number of votes brings the risk down, so a pair is finished as well once ever more votes
    would change its label with at most that probability. Both after `least_votes`; at `most_votes` it is left at that.

    Args:
        risk: (P,) that the label is wrong. unsettled: (P,) that an endless crowd would say the opposite.
    """
    enough = n_votes >= campaign.least_votes
    state = np.where(n_votes >= campaign.most_votes, State.CAPPED.value, State.OPEN.value)
    state = np.where(enough & (unsettled <= campaign.target_risk), State.AGREED.value, state)
    return np.where(enough & (risk <= campaign.target_risk), State.SURE.value, state)


def explain(standing: Standing, *, prior: bool = True) -> str:
    """Why this pair is asked about, or no longer, in one sentence for the researcher; with today's prior of it, or not."""
    pair, campaign = standing.pair, standing.campaign
    votes = "1 vote" if standing.n_votes == 1 else f"{standing.n_votes} votes"
    risk = f"risk {_percent(standing.risk)} %"
    if pair.gold_first is not None:
        return "not asked: its answer is known"
    if standing.state == State.SURE:
        said = f"stopped after {votes}: {risk}, at most {_percent(campaign.target_risk)} % was asked for"
    elif standing.state == State.AGREED:
        said = f"stopped after {votes}: more of them would say the same; {risk} is left, which votes cannot lower"
    elif standing.state == State.CAPPED:
        equal = ABOUT_EQUAL <= standing.p_first <= 1 - ABOUT_EQUAL
        said = f"left at {votes}: {'people find the two about equally close' if equal else 'the most for one pair'}, {risk}"
    elif campaign.is_over:
        said = f"left open after {votes}: {risk}; the campaign ended"
    else:
        said = f"open after {votes}: {risk}"
        if standing.n_out:
            said += f", {standing.n_out} on the way"
    if prior and pair.prior is not None:
        said += f"; prior {pair.prior:.2f} from {pair.prior_source or 'the import'}"
    if standing.foretold is not None and pair.prior is not None and not prior:
        said += f"; foretold {standing.foretold:.2f}"  # by other pairs, and by a prior of its time if there was one
    elif standing.foretold is not None:
        said += f"; {'by' if pair.prior is None else 'with'} this person's other pairs {standing.foretold:.2f}"
    return said


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")
