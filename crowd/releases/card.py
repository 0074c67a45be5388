"""The data card: the questions a reader of a data set asks, answered from the data themselves.

First what most readers want to know, then the questions of "Datasheets for Datasets" one by one
(`datasheet.py`). Only sentences that the data bear out are written; what nobody knows is said to
be unknown.
"""

from __future__ import annotations

from crowd.releases import datasheet
from crowd.releases.rows import About
from crowd.releases.tally import RISK_EDGES
from crowd.releases.words import n_of, n_people, percent

PAPER = (
    "M. R. Ronchi, O. Mac Aodha, R. Eng, P. Perona. It's all Relative: Monocular 3D Human Pose Estimation from Weakly "
    "Supervised Data. BMVC 2018."
)
METHODS = {
    "nearer": "Nearer's own aggregator, which allows for misperceptions that voters share",
    "nearer-apart": "Nearer's own aggregator, which allows for misperceptions that voters share, each pair for itself",
    "lean": "Lean Crowdsourcing (Branson, Van Horn, Perona, CVPR 2017)", "dawid-skene": "Dawid and Skene (1979)",
    "glad": "ability times easiness, after Whitehill et al. (2009)", "majority": "the smoothed majority of votes",
}


def write(about: About, figures: dict, files: dict[str, dict]) -> bytes:
    """The content of `README.md`, in Markdown.

    Args:
        figures: of `Tally.figures`.
        files: name to `bytes` and `sha256`.
    """
    parts = [
        f"# {about.name}", "", _lead(about, figures), "",
        "## How to use it", "", *_use(about, figures), "",
        "## Why it was made", "", *_motivation(about), "",
        "## What is in it", "", *_composition(about, figures), "",
        "## How it was collected", "", *_collection(about, figures), "",
        "## Who annotated, and what they earned", "", *_people(about, figures), "",
        "## How the votes were merged", "", *_merging(about, figures), "",
        "## Known limits", "", *_limits(about, figures), "",
        "## Licence and citation", "", *_terms(about), "",
        "## Datasheet", "", "The questions of T. Gebru et al., *Datasheets for Datasets* (CACM 2021).", "",
        *datasheet.write(about, figures), "",
        "## Files", "", "| file | bytes | SHA-256 |", "|---|--:|---|",
        *(f"| `{name}` | {facts['bytes']:,} | `{facts['sha256']}` |" for name, facts in sorted(files.items())), "",
        "`python -m nearer verify` checks them all against `manifest.json`.", "",
    ]
    return "\n".join(parts).encode()


def _lead(about: About, figures: dict) -> str:
    counts = figures["counts"]
    return (
        f"Which of two joints of a person is closer to the camera: {n_of(counts['pairs'], 'pair')} of joints on "
        f"{n_people(counts['people'])} in {n_of(counts['images'], 'image')}, judged by {n_people(counts['workers'])} in "
        f"{n_of(counts['votes'], 'vote')}. Each pair has the probability that its first joint is the closer one."
    )


def _use(about: About, figures: dict) -> list[str]:
    return [
        "    import nearer", "", f'    release = nearer.load("{about.name}")  # this folder, or its zip; NumPy alone is needed',
        "    release.keypoints          # (N, K, 2) pixels, NaN where missing",
        "    release.pairs              # (P, 2) first and second joint",
        "    release.p_first            # (P,) probability that the first is closer",
        '    release.torch_dataset("train")   # a torch Dataset', "",
        f"{figures['people']['train']:,} people are for training, {figures['people']['test']:,} for testing (`is_train`); "
        "the side is drawn by the picture's content, so that a picture never changes it. Compare methods on the test people.",
    ]


def _motivation(about: About) -> list[str]:
    words = about.description.strip() or about.dataset.get("description", "").strip()
    default = (
        "Absolute depth of body joints is hard to annotate, while people judge quickly which of two joints is closer. "
        f"Such judgements suffice to train 3D human pose estimators. The method is that of {PAPER}"
    )
    return [*([words, ""] if words else []), default]


def _composition(about: About, figures: dict) -> list[str]:
    people, counts = figures["people"], figures["counts"]
    truth = (
        f"{n_of(people['with_truth'], 'person has', 'people have')} a measured 3D pose beside the votes (`pose3d`, in mm); "
        "it was not shown to voters."
        if people["with_truth"] else "No ground truth of depth is in it."
    )
    return [
        f"- Pictures: {about.dataset['name']} ({about.dataset['source']}). The pictures themselves are not part of this "
        "release; they are referred to by their file names.",
        f"- Skeleton: {about.skeleton['name']}, {n_of(len(about.joints), 'joint')}: {', '.join(about.joints)}. "
        "Right and left are the person's.",
        f"- {percent(people['missing_joints'])} of the joints are missing, {percent(people['occluded_joints'])} are placed "
        "but hidden.",
        f"- {counts['pairs'] / max(counts['people'], 1):.1f} pairs a person, "
        f"{counts['votes'] / max(counts['pairs'], 1):.1f} votes a pair{_asked_for(about.campaign)}.",
        f"- {truth}",
        "- Votes, not only the outcome, are included, so that they can be merged anew in another way.",
    ]


def _collection(about: About, figures: dict) -> list[str]:
    asked, ms = about.campaign, figures["votes"]["response_ms"]
    if asked["imported"]:
        lines = [f"- The votes were collected elsewhere and read from the file {asked['imported']}."]
    else:
        lines = [
            f"- Way to people: {asked['way']}. The task was called \"{asked['title']}\".",
            "- One question at a time: two marked joints of a person, \"which is closer to the camera?\", two buttons with the "
            f"joints' names, live {asked['delay_ms']} ms after the picture was seen. Side and colour were drawn at random for "
            "every vote.",
            f"- A task had {asked['comparisons_per_hit']} comparisons on {n_of(asked['images_per_hit'], 'image')}; nobody was "
            f"asked about a pair twice. {_tutorial(asked)}",
            f"- {_consent(asked)}",
        ]
    days = asked["days"]
    if days[0]:
        lines.append(f"- Collected {'on ' + days[0] if days[0] == days[1] else f'from {days[0]} to {days[1]}'} (UTC).")
    if ms["median"] is not None:
        lines.append(
            f"- An answer took {ms['median'] / 1000:.1f} s (median; a tenth under {ms['p10'] / 1000:.1f} s, "
            f"a tenth over {ms['p90'] / 1000:.1f} s)."
        )
    return lines


def _asked_for(asked: dict) -> str:
    if asked["imported"]:
        return ""
    if asked["target_risk"] is not None:
        return (
            f" (a pair was asked about until its risk was under {percent(asked['target_risk'])}, at most "
            f"{asked['most_votes']} times; so doubtful pairs have more votes)"
        )
    return f" (asked for: {asked['votes_per_pair']})"


def _tutorial(asked: dict) -> str:
    words = "A first task began with a tutorial." if asked["has_tutorial"] else "There was no tutorial."
    if asked["gold_share"]:
        words += f" {percent(asked['gold_share'], 0)} more comparisons with known answers were mixed in."
    return words


def _consent(asked: dict) -> str:
    if not asked["has_consent"]:
        return "No consent text was shown."
    return f"Voters agreed to a consent text (version {asked['consent_version']}) beforehand."


def _people(about: About, figures: dict) -> list[str]:
    workers, wages = figures["workers"], about.wages
    lines = [
        f"- {n_people(figures['counts']['workers'])} voted. The median gave {n_of(workers['votes_median'], 'vote')}, the "
        f"busiest {workers['votes_most']:,}; the busiest tenth gave {percent(workers['busiest_tenth'], 0)} of all.",
        "- Age, sex, country and other traits were not recorded, so how representative they are is unknown.",
        "- They appear under pseudonyms made with a secret key of this release: the same person has another name in every "
        "release. Whoever holds two releases with the same votes can match them by the votes themselves.",
    ]
    if about.campaign["imported"]:
        return [*lines, "- What they earned is not known to Nearer."]
    if wages.get("paid_usd"):
        lines.append(
            f"- Paid: {wages['paid_usd']} USD for {n_of(wages['tasks'], 'task')} ({wages['reward_usd']} USD a task"
            + (f", {wages['bonus_usd']} USD of it as bonuses" if wages["bonus_usd"] != "0.00" else "")
            + f"), and {wages['fee_usd']} USD in fees."
        )
    else:
        lines.append("- No payment is on record for these votes.")
    if wages.get("median_s") and wages.get("hourly_usd"):
        lines.append(
            f"- A task's answers took {wages['median_s']:.0f} s (median), which makes {wages['hourly_usd']} USD an hour of "
            "answering. Time for reading instructions is not in it."
        )
    if wages.get("ease_n"):
        asked = n_of(wages["ease_n"], "answer")
        lines.append(f"- How easy it was, from 0 to 10: {wages['ease_mean']:.1f} on average of {asked}.")
    return lines


def _merging(about: About, figures: dict) -> list[str]:
    merge, risk = about.merge, figures["risk"]
    share = ", ".join(
        f"{count:,} at {100 * low:.0f}-{100 * high:.0f} %"
        for low, high, count in zip(RISK_EDGES, RISK_EDGES[1:], risk["pairs"]) if count
    )
    lines = [
        f"- Method: {METHODS.get(merge['method'], merge['method'])}; seed {merge['seed']}; settings in `manifest.json`.",
        f"- Of two votes on a pair, {percent(figures['votes']['agreement'])} were equal; "
        f"{percent(figures['votes']['unanimous'])} of the pairs were unanimous.",
        f"- Mean risk {percent(risk['mean'])}; {percent(risk['under_2_percent'])} of the pairs have a risk under 2 %, "
        f"{percent(risk['over_20_percent'])} of 20 % or more. Pairs by risk: {share}.",
        *(f"- {note[:1].upper() + note[1:].rstrip('.')}." for note in merge.get("notes", [])),
    ]
    if merge.get("settings", {}).get("by_body"):
        lines.append(
            "- The pairs of a person speak for each other: a probability rests on the votes on that person's other pairs too. "
            "For labels each of which rests on its own votes alone, merge the votes with `nearer-apart`."
        )
    if merge.get("accuracy_merged") is not None:
        lines.append(
            f"- Against the ground truth, {percent(merge['accuracy_raw'])} of the votes and "
            f"{percent(merge['accuracy_merged'])} of the merged labels are right."
        )
    return lines


def _limits(about: About, figures: dict) -> list[str]:
    workers = figures["workers"]
    lines = [
        "- Labels are people's judgements. The closer two joints are in depth, the more often voters err, and they err "
        "together: use the risk or the probability, not the label alone.",
        "- `p_first` is a probability given the votes and the merging's model. It orders joints; it does not say how far apart "
        "they are.",
        "- Which joint is the first was drawn at random and means nothing.",
        "- Keypoints are the source's; their errors, swapped sides among them, are still in.",
    ]
    if workers["guess"] or workers["contrary"]:
        lines.append(
            f"- {n_people(workers['guess'])} answered no better than a coin and {workers['contrary']:,} against the others; "
            "their votes are included and weighed accordingly."
        )
    if not about.campaign["knows_colour"] or not about.campaign["knows_side"]:
        lines.append(
            "- Colour or side of the marks was not recorded with these votes; habits of hand and eye cannot be told from "
            "judgement."
        )
    return lines


def _terms(about: About) -> list[str]:
    dataset = about.dataset
    theirs = dataset["licence"] or "not stated; ask its authors"
    return [
        f"- Labels: {about.licence or 'not stated'}.", f"- Pictures and keypoints: {theirs}.",
        f"- Please cite: {about.citation or dataset['name']}",
        *([f"- and, for the pictures: {dataset['citation']}"] if dataset["citation"] not in ("", about.citation) else []),
        f"- Made with {about.software}.",
    ]
