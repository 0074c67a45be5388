"""Whatever happens in whatever order, places, statuses and cents stay consistent."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from crowd.marketplace import accounts, assignments, clocks, hits, money
from crowd.marketplace.errors import ApiError, Refused
from crowd.marketplace.ids import new_entity_id
from crowd.marketplace.models import Assignment, Entry, Hit, Requester
from tests.crowd.marketplace.makers import QUESTION

State = Assignment.State


def check(requester: Requester) -> None:
    """The rules that must hold at any moment, computed anew from the rows."""
    now = timezone.now()
    for hit in Hit.objects.prefetch_related("assignments"):
        mine = list(hit.assignments.all())
        live = [a for a in mine if a.state in Assignment.LIVE]
        assert len(live) <= hit.max_assignments and len({a.worker_id for a in live}) == len(live)
        open_usd = sum((a.cost_usd for a in mine if a.state in (State.ACCEPTED, State.SUBMITTED)), Decimal(0))
        assert hit.held_usd == open_usd + hit.n_available * (hit.reward_usd + hit.fee_usd)
        in_work = any(a.state == State.ACCEPTED for a in mine)
        if hit.status != Hit.Status.DISPOSED:
            assert hit.n_available == (0 if hit.is_expired else hit.max_assignments - len(live))
            expected = "Assignable" if hit.n_available else "Unassignable" if in_work else None
            assert hit.status == expected if expected else hit.status in ("Reviewable", "Reviewing")
        assert hit.is_expired == (hit.expires_at <= now)
    last = Entry.objects.latest("number")
    sums = Entry.objects.values("kind").order_by("kind").annotate(total=Sum("amount_usd"))
    by_kind = {row["kind"]: Decimal(row["total"]).quantize(money.CENT) for row in sums}
    spent = sum((by_kind.get(kind, Decimal(0)) for kind in ("reward", "reward fee", "bonus", "bonus fee")), Decimal(0))
    assert by_kind["deposit"] == last.available_usd + last.on_hold_usd + spent
    assert last.on_hold_usd == sum(hit.held_usd for hit in Hit.objects.all())
    approved = Assignment.objects.filter(state=State.APPROVED)
    assert Entry.objects.filter(kind="reward").count() == approved.filter(reward_usd__gt=0).count()
    assert by_kind.get("reward", Decimal(0)) == sum((a.reward_usd for a in approved), Decimal(0))


class Walk:
    """One random act after another; what the rules forbid is refused and changes nothing."""

    def __init__(self, seed: int, clock):
        self.draw = random.Random(seed)
        self.clock = clock
        accounts.ensure_requester("a lab", "12.00")
        self.requester = Requester.objects.get()
        self.workers = [accounts.make_worker(f"worker{n}", "correct horse") for n in range(6)]
        self.acts = [
            self.create, self.accept, self.accept, self.accept, self.submit, self.submit, self.give_back, self.approve,
            self.approve, self.reject, self.turn_round, self.bonus, self.extend, self.expire, self.review, self.dispose,
            self.change_type, self.wait,
        ]

    def any(self, rows):
        found = list(rows)
        return self.draw.choice(found) if found else None

    def step(self) -> str:
        act = self.draw.choice(self.acts)
        try:
            act()
        except (ApiError, Refused) as refusal:
            return f"{act.__name__} refused: {type(refusal).__name__}"
        return act.__name__

    def _type(self):
        values = {
            "title": "T", "description": "D", "keywords": "", "requirements": [], "assignment_duration_s": 600,
            "reward_usd": Decimal(self.draw.choice(["0.00", "0.03", "0.10", "0.55"])), "auto_approval_delay_s": 3600,
        }
        return hits.hit_type_for(self.requester, values)

    def create(self):
        n = self.draw.choice([1, 2, 5, 9, 10])
        hits.create(self._type(), hit_id=new_entity_id(), question=QUESTION, max_assignments=n, lifetime_s=1800)

    def accept(self):
        if hit := self.any(Hit.objects.all()):
            assignments.accept(self.draw.choice(self.workers), hit)

    def _assignment(self, *states):
        return self.any(Assignment.objects.filter(state__in=states) if states else Assignment.objects.all())

    def submit(self):
        if assignment := self._assignment():
            assignments.submit(assignment.assignment_id, [("answer", ["left"])])

    def give_back(self):
        if assignment := self._assignment(State.ACCEPTED, State.SUBMITTED):
            assignments.give_back(assignment)

    def approve(self):
        if assignment := self._assignment():
            assignments.approve(assignment)

    def turn_round(self):
        if assignment := self._assignment(State.REJECTED):
            assignments.approve(assignment, override_rejection=True)

    def reject(self):
        if assignment := self._assignment():
            assignments.reject(assignment, "No.")

    def bonus(self):
        if assignment := self._assignment(*Assignment.HANDED_IN):
            money.pay_bonus(assignment, Decimal(self.draw.choice(["0.01", "0.17", "9.00"])))

    def extend(self):
        if hit := self.any(Hit.objects.all()):
            hits.extend(hit, self.draw.choice([1, 3]))

    def expire(self):
        if hit := self.any(Hit.objects.all()):
            hits.set_expiration(hit, timezone.now() + timedelta(seconds=self.draw.choice([-1, 0, 900])))

    def review(self):
        if hit := self.any(Hit.objects.all()):
            hits.set_review_status(hit, revert=self.draw.random() < 0.5)

    def dispose(self):
        if hit := self.any(Hit.objects.all()):
            hits.dispose(hit)

    def change_type(self):
        if hit := self.any(Hit.objects.all()):
            hits.change_type(hit, self._type())

    def wait(self):
        self.clock.shift(self.draw.choice([1, 300, 700]))
        clocks.advance()


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_a_random_life_keeps_places_statuses_and_cents_consistent(seed, clock):
    walk = Walk(seed, clock)
    done = []
    for _ in range(120):
        done.append(walk.step())
        clocks.advance()
        check(walk.requester)
    assert len(set(done)) > 15, "the walk saw too little"
