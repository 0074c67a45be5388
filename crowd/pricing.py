"""What a campaign costs, to the cent and before it is launched."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
FEE_SHARE = Decimal("0.20")
FEE_SHARE_FROM_TEN = Decimal("0.40")


@dataclass(frozen=True)
class Price:
    """A forecast; `total_usd` is what the marketplace will have taken when every assignment is approved."""

    n_pairs: int
    n_hits: int
    n_assignments: int
    n_votes: int
    reward_usd: Decimal
    fee_usd: Decimal

    @property
    def total_usd(self) -> Decimal:
        return self.reward_usd + self.fee_usd


def fee_usd(reward_usd: Decimal, max_assignments: int) -> Decimal:
    """The marketplace's fee on one assignment: 20 % of the reward, 40 % in HITs of 10 or more, at least a cent.

    Rounded half up to the cent for each assignment, as Amazon's price list has it.
    """
    share = FEE_SHARE_FROM_TEN if max_assignments >= 10 else FEE_SHARE
    return max((reward_usd * share).quantize(CENT, ROUND_HALF_UP), CENT)


def hourly_wage_usd(reward_usd: Decimal, seconds: float) -> Decimal:
    """What the reward is worth an hour for somebody who takes so long for one HIT."""
    return (reward_usd * 3600 / Decimal(str(seconds))).quantize(CENT, ROUND_HALF_UP)


def expected_seconds(comparisons: int, delay_ms: int, response_s: float = 3.0) -> float:
    """Time for one HIT: each comparison takes the delay and about three seconds of looking (the paper's workers)."""
    return comparisons * (response_s + delay_ms / 1000)
