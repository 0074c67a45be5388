"""How often an annotator answers as others did: said at a task's end, where it can be said honestly."""

from collections import Counter, defaultdict

from annotation.models import Choice, Task, Vote
from annotation.serving import standing_votes

OTHERS = 3  # that many confirmed answers make a majority worth the name
COMPARISONS = 8  # below that a share is mostly chance


def with_others(task: Task) -> dict | None:
    """{"same", "of"}: comparisons on which most others chose the same, of those with a clear majority.

    Only confirmed votes of others count, ties do not, and nothing is said of fewer than
    eight comparisons.
    """
    own = {vote.pair_id: vote.choice for vote in standing_votes(task).values()}
    counts: dict[int, Counter] = defaultdict(Counter)
    others = Vote.objects.standing().verified().filter(pair__in=own).exclude(annotator=task.annotator_id)
    for pair, choice in others.values_list("pair", "choice"):
        counts[pair][choice] += 1
    same = of = 0
    for pair, count in counts.items():
        first, second = count[Choice.FIRST], count[Choice.SECOND]
        if first + second < OTHERS or first == second:
            continue
        of += 1
        same += own[pair] == (Choice.FIRST if first > second else Choice.SECOND)
    return {"same": same, "of": of} if of >= COMPARISONS else None
