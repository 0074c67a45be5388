"""Which pairs a worker is asked about, decided at the moment he accepts.

For each open pair: by how much would his vote lower what is still to be decided, as far as votes can
decide it at all (`Fitted.expected_drop`: what everybody sees wrongly would attract votes for ever)?
Pairs of one image go together as far as that pays, since a new image costs a worker's time.
"""

import numpy as np
from django.db.models import Exists, F, OuterRef, Q

from annotation.models import Annotator, Comparison, Pair
from crowd.aggregation.choosing import grouped
from crowd.lean import standing
from crowd.models import Campaign, Standing

State = Standing.State
CANDIDATES = 400  # by worth to a newcomer; which of them suit this worker best is then worked out
WAITING = 1e-6  # how much of a pair's worth counts while its turn has not come
LOOK_S = 2.7  # what a comparison costs a worker, beside the campaign's delay


def fill(campaign: Campaign, annotator: Annotator, seed: int) -> list[Pair]:
    """Pairs for one task of this annotator, leased; images in order of worth. Needs a transaction.

    At most `comparisons_per_hit`, fewer where not so many are left that this annotator has
    not seen; none where nothing is open. `exploration_share` of them are drawn at random from all that may still be
    asked. A pair whose votes and leases have reached `most_votes` is never given, however
    many people accept at once.
    """
    size, draw = campaign.comparisons_per_hit, np.random.default_rng(seed)
    # Who accepts at once takes turns.
    Campaign.objects.select_for_update(no_key=True).values_list("pk", flat=True).get(pk=campaign.pk)
    n_random = int(draw.binomial(size, campaign.exploration_share))
    chosen = _random(campaign, annotator, n_random, draw)
    if not chosen and not campaign.standings.exists():
        standing.begin(campaign)
        chosen = _random(campaign, annotator, n_random, draw)
    drawn, is_open = len(chosen), Q(state=State.OPEN)
    for which in (is_open & _has_room(campaign), is_open):  # first what nobody else is at
        chosen += _best(campaign, annotator, size - len(chosen), set(chosen), which)
    if len(chosen) > drawn:  # a task is paid for as a whole: where too little is open, the next best fill it up
        finished = Q(state__in=(State.AGREED, State.SURE))
        chosen += _best(campaign, annotator, size - len(chosen), set(chosen), finished)
    elif not campaign.standings.filter(state=State.OPEN).exists():
        return []
    return _in_order(_leased(campaign, chosen))


def _askable(campaign: Campaign):
    return campaign.standings.filter(n_votes__lt=campaign.most_votes - F("n_out"), pair__gold_first=None)


def _has_room(campaign: Campaign) -> Q:
    """Fewer are asked about the pair right now than may be at once."""
    return Q(n_out__lt=campaign.most_out) | Q(n_votes__lt=campaign.least_votes - F("n_out"))


def _unseen(annotator: Annotator) -> Exists:
    """For standings: whether their pair was never shown to the annotator."""
    return ~Exists(Comparison.objects.filter(task__annotator=annotator, pair=OuterRef("pair")))


def _random(campaign: Campaign, annotator: Annotator, n: int, draw: np.random.Generator) -> list[int]:
    """Standings of about `n` pairs drawn at random among all that may be asked, whatever is known of them."""
    if not n:
        return []
    start = float(draw.random())
    rows = _askable(campaign).filter(_unseen(annotator)).order_by("draw").values_list("pk", flat=True)
    found = list(rows.filter(draw__gte=start)[:n])
    return found + (list(rows.filter(draw__lt=start)[: n - len(found)]) if len(found) < n else [])


def _best(campaign: Campaign, annotator: Annotator, n: int, tried: set[int], which: Q) -> list[int]:
    """Standings, of these, of the pairs that this annotator's vote is worth most on, grouped by image."""
    if n <= 0:
        return []
    now = standing.known(campaign)
    worker = int(now.index(np.array([annotator.pk]))[0])
    rows = _askable(campaign).filter(which, _unseen(annotator)).order_by("-rank")
    rows = rows.values_list("pk", "image_id", "n_out", "evidence", "rank")[: CANDIDATES + len(tried)]
    found = [row for row in rows if row[0] not in tried]
    if not found:
        return []
    evidence = standing.stored(row[3] for row in found)
    worth = now.fitted.expected_drop(evidence, worker) * standing.ON_ITS_WAY ** np.array([row[2] for row in found])
    worth *= np.where(np.array([row[4] for row in found]) > 0, 1.0, WAITING)
    return grouped(
        np.array([row[0] for row in found]), np.array([row[1] for row in found]), worth, n,
        most_per_image=campaign.pairs_per_image, look_s=LOOK_S + campaign.delay_ms / 1000,
    )


def _leased(campaign: Campaign, standings: list[int]) -> list[tuple[int, int]]:
    """Of these rows those that have a vote left, now leased: pair and picture of each."""
    # Locked in the order of every recount, so that the two never wait for each other.
    rows = _askable(campaign).filter(pk__in=standings).order_by("pair_id").select_for_update(of=["self"], no_key=True)
    free = {pk: (pair, image) for pk, pair, image in rows.values_list("pk", "pair_id", "image_id")}
    mine = [pk for pk in standings if pk in free]
    Standing.objects.filter(pk__in=mine).update(n_out=F("n_out") + 1, rank=F("rank") * standing.ON_ITS_WAY)
    return [free[pk] for pk in mine]


def _in_order(leased: list[tuple[int, int]]) -> list[Pair]:
    """The pairs, with nothing but where they belong; those of one picture next to each other, in the order given."""
    first = {image: place for place, (_, image) in reversed(list(enumerate(leased)))}
    rows = Pair.objects.select_related("person").only("person__image_id").in_bulk([pair for pair, _ in leased])
    return [rows[pair] for pair, image in sorted(leased, key=lambda one: first[one[1]])]
