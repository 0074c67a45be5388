"""One person's page: keypoints, pairs with their votes, and what the apps above make of them."""

from collections import defaultdict

from annotation.models import Choice, Comparison, Pair, Person, Vote
from annotation.panel.drawings import drawing, pair_marks, side_of


def standing_votes(person: Person) -> dict[int, list[dict]]:
    """By pair, in the order in which they were given: the votes that nobody took back.

    An undo is a later row of the same comparison, so the last row of each comparison counts.
    """
    rows = (
        Vote.objects.filter(pair__person=person)
        .select_related("annotator", "task")
        .order_by("comparison_id", "number")
    )
    last: dict[int, Vote] = {}
    for vote in rows:
        last[vote.comparison_id] = vote
    votes: dict[int, list[dict]] = defaultdict(list)
    for vote in sorted(last.values(), key=lambda vote: vote.pk):
        if vote.choice == Choice.UNDONE:
            continue
        votes[vote.pair_id].append({
            "chose_first": vote.choice == Choice.FIRST,
            "annotator": vote.annotator,
            "seconds": vote.response_ms / 1000,
            "verified": vote.task.verified_at is not None,
            "chose_green": (vote.choice == Choice.FIRST) == vote.first_is_green,
            "chose_left": (vote.choice == Choice.FIRST) == vote.first_is_left,
            "given_at": vote.given_at,
        })
    return votes


def person_page(person: Person, contributions: list[dict]) -> dict:
    """Everything the page reads.

    Args:
        contributions: of the apps above, each with any of `pairs` ({pair id: {name: value}}),
            `poses` ([{name, title, pose_mm}]) and `notes` (sentences).
    """
    skeleton = person.image.dataset.skeleton
    votes = standing_votes(person)
    rows = []
    for number, pair in enumerate(Pair.objects.filter(person=person).order_by("pk"), start=1):
        pair.person = person  # spares a query for the ground truth
        row = {
            "pair": pair, "number": number,
            "first": skeleton.joints[pair.first], "second": skeleton.joints[pair.second],
            "marks": pair_marks(pair, person), "votes": votes.get(pair.pk, []),
            "truth_first": pair.truth_first,
            "gap_cm": abs(pair.depth_gap_mm) / 10 if pair.depth_gap_mm is not None else None,
        }
        row["n_first"] = sum(vote["chose_first"] for vote in row["votes"])
        row["n_second"] = len(row["votes"]) - row["n_first"]
        for part in contributions:
            row |= part.get("pairs", {}).get(pair.pk, {})
        if "p_first" in row:
            row["closer"] = row["first"] if row["p_first"] >= 0.5 else row["second"]
            row["sure"] = max(row["p_first"], 1 - row["p_first"])
            if row["truth_first"] is not None:
                row["is_right"] = (row["p_first"] >= 0.5) == row["truth_first"]
        rows.append(row)

    poses = [pose for part in contributions for pose in part.get("poses", [])]
    if person.truth_mm:
        poses.append({"name": "truth", "title": "Ground truth", "pose_mm": person.truth_mm})
    return {
        "drawing": drawing(person, skeleton, square=False),
        "skeleton": skeleton, "pairs": rows, "poses": poses,
        "pose_data": {
            "joints": skeleton.joints, "bones": skeleton.bones,
            "sides": [side_of(index, skeleton) for index in range(len(skeleton.joints))],
            "poses": poses,
        },
        "pose_table": pose_table(skeleton.joints, poses),
        "n_votes": sum(len(row["votes"]) for row in rows),
        "n_asked": Comparison.objects.filter(pair__person=person).count(),
        "notes": [note for part in contributions for note in part.get("notes", [])],
    }


def pose_table(joints: list[str], poses: list[dict]) -> list[dict]:
    """The poses in words: each joint's depth in cm, nearest first in the first pose; the 3D view's equivalent."""
    rows = [
        {"joint": joint, "depths_cm": [round(pose["pose_mm"][index][2] / 10, 1) for pose in poses]}
        for index, joint in enumerate(joints)
    ]
    return sorted(rows, key=lambda row: row["depths_cm"][0]) if poses else []
