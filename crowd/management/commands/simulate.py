"""What would other protocols cost and yield on this campaign's data?"""

import csv
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
from django.core.management.base import BaseCommand, CommandError

from annotation.models import Pair
from crowd import merging, publishing
from crowd.aggregation import Bodies
from crowd.models import Campaign
from crowd.planning import Outlook, Protocol, field, outlook
from crowd.planning.opinions import model
from crowd.planning.outlook import agreement_of, chart, crowd_like
from crowd.ways import way_of

FEWEST_VOTES = 200  # of one's own, to tell how one's crowd sees


class Command(BaseCommand):
    help = (
        "Play fixed and lean protocols with a simulated crowd on a campaign's data: votes, dollars and labels that are right, "
        "as a table, and with --output as CSV and SVG. Nothing is asked of anybody."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("campaign", help="Its name or number.")
        parser.add_argument("--fixed", default="2,3,5", help="Votes per pair of the fixed protocols, with commas.")
        parser.add_argument("--risks", default="", help="Target risks of the lean ones, with commas. Empty: the campaign's.")
        parser.add_argument("--model", type=float, default=0.75, help="Share of pairs a lifter would be right on; 0: none.")
        parser.add_argument("--crowd", choices=("paper", "own"), default="paper", help="Own: one that agrees like yours.")
        parser.add_argument("--pairs", type=int, default=1500, help="At most so many are played; costs are scaled to all.")
        parser.add_argument("--plays", type=int, default=3, help="With different crowds, for the interval.")
        parser.add_argument("--output", type=Path, help="A folder for outlook.csv and outlook.svg.")

    def handle(self, **options) -> None:
        campaign = _campaign(options["campaign"])
        gap_mm, image, bodies, n_pairs = _data(campaign, options["pairs"])
        try:
            crowd = _crowd(campaign, gap_mm, image) if options["crowd"] == "own" else None
            places = {
                seed: field(seed=seed, gap_mm=gap_mm, image=image, crowd=crowd, bodies=bodies)
                for seed in range(options["plays"])
            }
            protocols = _protocols(campaign, options)
            way = way_of(campaign.environment)
            per_task = publishing.reward_usd(campaign, way) + publishing.fee_usd(campaign, way)
            rows = outlook(
                protocols, places.__getitem__, sorted(places), n_pairs=n_pairs, usd_per_task=per_task,
                tell=lambda name: self.stderr.write(f"playing: {name}"),
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_table(rows, n_pairs, len(gap_mm), options["plays"], together=bodies is not None))
        if options["output"]:
            _write(rows, options["output"], campaign, per_task)
            self.stdout.write(f"Written: {options['output'] / 'outlook.csv'} and outlook.svg")


def _campaign(name: str) -> Campaign:
    rows = Campaign.objects.select_related("dataset", "environment")
    found = rows.filter(name=name).first() or (rows.filter(pk=int(name)).first() if name.isdecimal() else None)
    if found is None:
        names = ", ".join(rows.values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no campaign '{name}'; there are: {names}.")
    return found


def _data(campaign: Campaign, most: int) -> tuple[np.ndarray, np.ndarray, Bodies | None, int]:
    """Depth gaps of pairs, drawn where no truth is known; the pairs' images; whose they are, None where gaps are drawn one by
    one; how many pairs there are in all.

    Whole images are played, drawn by the campaign's seed.
    """
    pairs = Pair.objects.of_dataset(campaign.dataset).select_related("person").order_by("person__image_id", "pk")
    rows = list(pairs.values_list("person__image_id", "first", "second", "person__truth_mm", "person_id"))
    if not rows:
        raise CommandError(f"The data set '{campaign.dataset}' has no pairs to ask about.")
    images = np.array([row[0] for row in rows])
    order = np.random.default_rng(campaign.seed).permutation(np.unique(images))
    wanted = set(order[np.cumsum(np.unique(images, return_counts=True)[1][np.searchsorted(np.unique(images), order)]) <= most])
    some = [row for row in rows if row[0] in wanted] or rows[:most]
    image = np.unique([row[0] for row in some], return_inverse=True)[1]
    if all(row[3] for row in some):
        gap_mm = np.array([row[3][row[2]][2] - row[3][row[1]][2] for row in some], float)
        return gap_mm, image, merging.bodies_of(campaign, np.array([(row[4], row[1], row[2]) for row in some])), len(rows)
    return field(n_images=1, pairs_per_image=len(some)).gap_mm, image, None, len(rows)


def _crowd(campaign: Campaign, gap_mm: np.ndarray, image: np.ndarray):
    votes = merging.standing_votes(merging.votes_of(campaign))
    if len(votes.pair) < FEWEST_VOTES:
        raise CommandError(
            f"This campaign has {len(votes.pair)} verified votes; --crowd own needs {FEWEST_VOTES} to tell how its people see."
        )
    item = np.unique(votes.pair, return_inverse=True)[1]
    return crowd_like(agreement_of(item, votes.chose_first.astype(np.int64)), field(gap_mm=gap_mm, image=image))


def _protocols(campaign: Campaign, options: dict) -> dict[str, Protocol]:
    shape = {
        "images_per_task": campaign.images_per_hit, "pairs_per_image": campaign.pairs_per_image,
        "look_s": 2.7 + campaign.delay_ms / 1000,
    }
    try:
        fixed = [int(n) for n in options["fixed"].split(",") if n]
        risks = [float(risk) for risk in options["risks"].split(",") if risk] or [campaign.target_risk]
    except ValueError as error:
        raise CommandError(f"--fixed takes whole numbers and --risks shares such as 0.05, with commas: {error}") from error
    if not all(1 <= n <= 45 for n in fixed) or not all(0 < risk < 0.5 for risk in risks):
        raise CommandError("--fixed takes 1 to 45 votes, --risks shares above 0 and below 0.5.")
    protocols = {f"fixed, {n} votes": Protocol(n, **shape) for n in fixed}
    for risk in risks:
        lean = Protocol(
            45, lean=True, target_risk=risk, most_votes=campaign.most_votes, least_votes=campaign.least_votes,
            exploration_share=campaign.exploration_share, **shape,
        )
        protocols[f"lean at {100 * risk:g} %"] = lean
        if options["model"]:
            name = f"lean at {100 * risk:g} %, with priors {options['model']:.0%} right"
            protocols[name] = replace(lean, opinion=model(options["model"]))
    return protocols


def _table(rows: list[Outlook], n_pairs: int, played: int, plays: int, *, together: bool) -> str:
    lines = [f"{'protocol':<38} {'votes/pair':>10} {'USD':>10} {'right':>16}"]
    for row in rows:
        half = "" if np.isnan(row.half) else f" ± {100 * row.half:.1f}"
        lines.append(f"{row.name:<38} {row.votes_per_pair:>10.2f} {row.usd:>10} {100 * row.right:>8.1f}{half} %")
    of = f"{played:,} of {n_pairs:,}" if played < n_pairs else f"{n_pairs:,}"
    lines.append(f"\n{of} pairs, {plays} simulated crowds; dollars are for all pairs, fees included; 95 % intervals.")
    if not together:
        lines.append(
            "No truth is known here, so depth gaps are drawn one by one. Real people's pairs tell of each other: expect fewer "
            "votes to be needed."
        )
    return "\n".join(lines)


def _write(rows: list[Outlook], folder: Path, campaign: Campaign, per_task: Decimal) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "outlook.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["protocol", "votes_per_pair", "usd", "right", "half_interval"])
            table.writerows(
                [row.name, f"{row.votes_per_pair:.4f}", row.usd, f"{row.right:.4f}", f"{row.half:.4f}"] for row in rows
            )
        usd_per_vote = max(float(row.usd) / row.votes_per_pair for row in rows)
        (folder / "outlook.svg").write_text(chart(rows, usd_per_vote, f"What {campaign.name} would cost and yield"))
    except OSError as error:
        raise CommandError(f"--output: {error}") from error
