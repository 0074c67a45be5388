"""The questions of "Datasheets for Datasets" (T. Gebru et al., CACM 2021), section by section, answered from the data.

What nobody told Nearer is said to be unknown, so that whoever publishes the release knows what is left to write.
"""

from __future__ import annotations

from crowd.releases.rows import About
from crowd.releases.words import n_of, n_people, percent

UNKNOWN = "Not recorded by Nearer; whoever publishes this release can say."
STRATEGIES = {"random": "at random", "imported": "by a file of votes"}
Answers = list[tuple[str, str]]


def write(about: About, figures: dict) -> list[str]:
    """Lines of Markdown: a heading for each section, a line for each question."""
    sections = {
        "Motivation": _motivation(about), "Composition": _composition(about, figures),
        "Collection process": _collection(about, figures), "Preprocessing, cleaning, labelling": _preprocessing(about),
        "Uses": _uses(about), "Distribution": _distribution(about), "Maintenance": _maintenance(about),
    }
    lines = []
    for title, answers in sections.items():
        lines += ["", f"### {title}", "", *(f"- *{question}* {answer}" for question, answer in answers)]
    return lines[1:]


def _motivation(about: About) -> Answers:
    return [
        ("For what purpose was it created?", about.description.strip() or "To train and to judge 3D human pose estimators from "
         "relative depth, which people tell more easily than absolute depth."),
        ("Who created it, and on behalf of whom?", UNKNOWN),
        ("Who funded it?", UNKNOWN),
    ]  # fmt: skip


def _composition(about: About, figures: dict) -> Answers:
    counts, people = figures["counts"], figures["people"]
    identified = "Pictures may show people who can be recognised; they are not in the release, the joints' places are."
    truth = f", and {n_people(people['with_truth'])} with a measured 3D pose" if people["with_truth"] else ""
    return [
        ("What do the instances represent?", "Pairs of joints of a person in a picture, and votes on which is closer."),
        ("How many are there?", f"{n_of(counts['pairs'], 'pair')} with {n_of(counts['votes'], 'vote')}, on "
         f"{n_people(counts['people'])} in {n_of(counts['images'], 'image')}{truth}."),
        ("Does it contain all possible instances?", _sample(about, counts)),
        ("What data does each instance consist of?", "Both joints, the probability that the first is closer, its risk, every "
         "vote with its worker's pseudonym, colour, side and time; of the person, all joints' places in pixels."),
        ("Is there a label?", "Yes: `p_first`, merged from the votes; in the paper's form a label of 0 or 1 with it."),
        ("Is any information missing?", f"{percent(people['missing_joints'])} of the joints have no place, as the source "
         "gives none; empty cells are unknown."),
        ("Are relationships made explicit?", "Pairs name their person, people their picture, votes their pair and worker."),
        ("Are there recommended splits?", f"{n_people(people['train'])} for training, {people['test']:,} for testing, by "
         "the picture's content."),
        ("Are there errors, noise, redundancies?", f"Votes err: of two on a pair {percent(figures['votes']['agreement'])} were "
         "equal. The risk says how sure a pair is. Keypoints have the source's errors."),
        ("Is it self-contained?", f"All but the pictures, which are those of {about.dataset['name']}; nothing here promises "
         "that they stay where they are."),
        ("Does it contain confidential or offensive data?", "None was put in; texts of workers and their marketplace ids are "
         "left out."),
        ("Can people be identified from it?", f"{identified} Workers appear under pseudonyms of this release."),
        ("Does it identify subpopulations?", "No; age, sex, country and the like were not recorded."),
    ]  # fmt: skip


def _sample(about: About, counts: dict) -> str:
    k = len(about.joints)
    share = counts["pairs"] / max(counts["people"] * k * (k - 1) // 2, 1)
    ways = about.campaign.get("pair_strategies", {})
    how = ", ".join(f"{count:,} {STRATEGIES.get(name, f'by “{name}”')}" for name, count in sorted(ways.items()))
    return f"A part: {percent(share)} of all pairs of these people's joints. They were chosen: {how or 'unknown how'}."


def _collection(about: About, figures: dict) -> Answers:
    asked, wages = about.campaign, about.wages
    days = asked["days"]
    when = "Unknown." if not days[0] else f"On {days[0]}." if days[0] == days[1] else f"From {days[0]} to {days[1]}."
    if asked["imported"]:
        how, notified, consent, paid = (
            f"Elsewhere; read from the file {asked['imported']}.", UNKNOWN, UNKNOWN, "What they earned is not known to Nearer."
        )
    else:
        how = f"By a web page that shows two joints and asks which is closer; people came by way of: {asked['way']}."
        notified = f"Yes: they took up a task called \"{asked['title']}\"."
        consent = (
            f"Yes: to the consent text, version {asked['consent_version']}, before the first task." if asked["has_consent"]
            else "No consent text was shown."
        )
        paid = f"{wages['paid_usd']} USD for {n_of(wages['tasks'], 'task')}." if wages.get("paid_usd") else (
            "No payment is on record."
        )
    return [
        ("How were the data acquired?", how),
        ("If it is a sample, how was it drawn?", f"Images as the data set has them; pairs as said above. {_protocol(about)}"),
        ("Who was involved, and how were they paid?", f"{n_people(figures['counts']['workers'])}. {paid}"),
        ("Over what time?", when),
        ("Was there an ethical review?", UNKNOWN),
        ("Were the people who voted told?", notified), ("Did they consent?", consent),
        ("Can consent be taken back?", "Votes that are taken back are left out of every later merge and release."
         if not asked["imported"] else UNKNOWN),
        ("Did those in the pictures consent?", "That is a matter of the pictures' data set."),
    ]  # fmt: skip


def _protocol(about: About) -> str:
    asked = about.campaign
    if asked["imported"]:
        return ""
    if asked["target_risk"] is not None:
        return f"Doubtful pairs were asked about more often, at most {asked['most_votes']} times."
    return f"Every pair was asked about {asked['votes_per_pair']} times, of different people."


def _preprocessing(about: About) -> Answers:
    return [
        ("Was there any?", f"Votes were merged into probabilities with the method `{about.merge['method']}`, seed "
         f"{about.merge['seed']}; probabilities have six digits. No vote that the merge counted was left out."),
        ("Are the raw data saved?", "Yes: all votes are in the release."),
        ("Is the software available?", f"{about.software} wrote it; the settings are in `manifest.json`, and the same votes, "
         "settings and seed give the same bytes."),
    ]  # fmt: skip


def _uses(about: About) -> Answers:
    return [
        ("Has it been used already?", UNKNOWN),
        ("What else could it be used for?", "To study how people see depth, how votes are merged, and who errs where."),
        ("What may matter for uses?", "Votes err together where people misperceive together: use the probability, not the "
         "label alone."),
        ("What should it not be used for?", "To find out who the workers are, to judge single workers outside of this task, or "
         "as a measure of distance: it orders joints."),
    ]  # fmt: skip


def _distribution(about: About) -> Answers:
    theirs = about.dataset["licence"] or "not stated; ask their authors"
    return [
        ("How is it distributed?", "As a folder or a zip with checksums; `croissant.json`, where it is there, tells it to "
         "search engines."),
        ("Under which licence?", f"Labels: {about.licence or 'not stated'}."),
        ("Do others have rights in it?", f"In pictures and keypoints: {theirs}."),
    ]  # fmt: skip


def _maintenance(about: About) -> Answers:
    return [
        ("Who maintains it, and how can they be reached?", UNKNOWN),
        ("Will it be updated, and are older versions kept?", "A release never changes. A later one has another name, and "
         "`python -m nearer compare` says what changed."),
        ("Can others add to it?", "Yes: votes of one's own can be imported beside it and merged anew, as all votes are here."),
    ]  # fmt: skip
