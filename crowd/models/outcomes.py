"""What the answers amount to: merges with their consensus and skills, standings, releases, and votes from elsewhere.

`crowd.models` offers these beside its own.
"""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from annotation.models import Annotator, Dataset, Image, Pair
from jobs.models import Job


class Merge(Job):
    """Votes become probabilities; the newest one that is done is the campaign's consensus."""

    step = "crowd.merging.run"

    campaign = models.ForeignKey("crowd.Campaign", models.CASCADE, related_name="merges")
    method = models.CharField(max_length=30, default="nearer")
    settings = models.JSONField(default=dict, blank=True, help_text="As the aggregator used them.")
    seed = models.PositiveIntegerField(default=0)
    votes_upto = models.PositiveBigIntegerField(null=True, editable=False, help_text="The newest vote's number it read.")
    figures = models.JSONField(default=dict, editable=False, help_text="Counts, accuracy where truth is known, notes.")
    parameters = models.BinaryField(
        null=True, editable=False, help_text="What the fit learnt, for votes that come after it (`aggregation.Fitted`)."
    )

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"merge {self.pk} of {self.campaign}"


class Consensus(models.Model):
    """What one merge says of one pair."""

    merge = models.ForeignKey(Merge, models.CASCADE, related_name="consensuses")
    pair = models.ForeignKey(Pair, models.CASCADE, related_name="consensuses")
    p_first = models.FloatField(help_text="Probability that the first keypoint is closer.")
    alone = models.FloatField(
        null=True, help_text="The same by its own votes, without a lifter and its person's other pairs; empty where not told."
    )
    risk = models.FloatField(help_text="Probability that the likelier answer is wrong.")
    n_votes = models.PositiveIntegerField()

    class Meta:
        verbose_name_plural = "consensuses"
        indexes = [models.Index("merge", F("risk").desc(), "pair", name="consensus_by_risk")]
        constraints = [
            models.UniqueConstraint(fields=["merge", "pair"], name="one_consensus_per_merge_and_pair"),
            models.CheckConstraint(condition=Q(p_first__gte=0) & Q(p_first__lte=1), name="p_first_is_a_probability"),
        ]

    def __str__(self) -> str:
        return f"{self.pair_id}: {self.p_first:.2f}"


class WorkerSkill(models.Model):
    """What one merge says of one annotator."""

    merge = models.ForeignKey(Merge, models.CASCADE, related_name="skills")
    annotator = models.ForeignKey(Annotator, models.CASCADE, related_name="skills")
    n_votes = models.PositiveIntegerField()
    agreement = models.FloatField(null=True, help_text="Share of votes that agree with the others' consensus.")
    skill = models.FloatField(help_text="Probability of a right answer on an ordinary pair.")
    low = models.FloatField(help_text="Of a 95 % interval of the skill.")
    high = models.FloatField(help_text="Of a 95 % interval of the skill.")
    kind = models.CharField(max_length=12, blank=True, help_text="ordinary, guesses or contrary, where clear.")
    biases = models.JSONField(default=dict, help_text="Towards green and towards the left button, where measured.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merge", "annotator"], name="one_skill_per_merge_and_annotator")]

    def __str__(self) -> str:
        return f"{self.annotator}: {self.skill:.2f}"


class Standing(models.Model):
    """Where one pair of a campaign stands now: brought up to date with every task, at the newest merge's parameters.

    A working table: derived from votes, merge and leases, and rebuilt from them at any time (`crowd.lean.standing`).
    """

    class State(models.TextChoices):
        OPEN = "open", "open"
        SURE = "sure", "sure enough"
        AGREED = "agreed", "people agree"
        CAPPED = "capped", "left at that"

    campaign = models.ForeignKey("crowd.Campaign", models.CASCADE, related_name="standings")
    pair = models.ForeignKey(Pair, models.CASCADE, related_name="standings")
    image = models.ForeignKey(Image, models.CASCADE, related_name="+", help_text="Of the pair: tasks are grouped by it.")
    merge = models.ForeignKey(
        Merge, models.SET_NULL, null=True, related_name="+", help_text="Whose parameters were used; empty before the first."
    )
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    n_votes = models.PositiveSmallIntegerField(default=0, help_text="Verified.")
    n_out = models.PositiveSmallIntegerField(default=0, help_text="Asked of people who have not handed in yet.")
    p_first = models.FloatField(default=0.5)
    foretold = models.FloatField(
        null=True, help_text="p_first by its person's other pairs and a lifter, not by its own votes; empty where not used."
    )
    risk = models.FloatField(default=0.5)
    worth = models.FloatField(default=0, help_text="How much of what is undecided a newcomer's vote is expected to decide.")
    rank = models.FloatField(default=0, help_text="`worth`, lowered while votes are on their way.")
    draw = models.FloatField(default=0, help_text="Uniform in 0 to 1, fixed: random pairs are found by it.")
    evidence = models.BinaryField(null=True, help_text="(K,) float32, log likelihood of its votes on the signal's nodes.")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "pair"], name="one_standing_per_campaign_and_pair")]
        indexes = [
            models.Index("campaign", "state", F("rank").desc(), name="standing_by_rank"),
            models.Index(fields=["campaign", "draw"], name="standing_by_draw"),
        ]

    def __str__(self) -> str:
        return f"{self.pair_id}: {self.p_first:.2f}"


class Release(Job):
    """A merge written out as files with a manifest: what is published, and what the lifter learns from."""

    step = "crowd.releasing.run"

    campaign = models.ForeignKey("crowd.Campaign", models.PROTECT, related_name="releases")
    merge = models.ForeignKey(Merge, models.PROTECT, related_name="releases")
    name = models.SlugField(max_length=100, unique=True)
    description = models.TextField(blank=True, help_text="What it is for. Empty: the data set's own.")
    licence = models.CharField(max_length=500, blank=True, help_text="Of the labels. Empty: the data set's own.")
    citation = models.TextField(blank=True, help_text="How to cite it. Empty: the data set's own.")
    formats = models.JSONField(default=list, blank=True, help_text="Kinds of files; empty: all of them.")
    pseudonym_key = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Hex; what workers' pseudonyms are made with. Never published."
    )
    figures = models.JSONField(default=dict, editable=False, help_text="Counts and what the data card says.")
    files = models.JSONField(default=dict, editable=False, help_text="Name: bytes and sha256.")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> str:
        """Within the private storage."""
        return f"releases/{self.name}"


class VoteImport(Job):
    """Votes that were given elsewhere, read from a file into a campaign of their own; or only looked at.

    The same file with the same settings on the same data set is one campaign, however often it is read.
    """

    step = "crowd.vote_imports.importing.run"

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="vote_imports")
    campaign = models.ForeignKey(
        "crowd.Campaign", models.SET_NULL, null=True, blank=True, editable=False, related_name="vote_imports"
    )
    name = models.CharField(max_length=100, help_text="Of the campaign to be.")
    format = models.CharField(max_length=20, default="auto", help_text="auto, csv, mturk-csv or paper-pickle.")
    filename = models.CharField(max_length=200, help_text="As the file was called.")
    stored = models.CharField(max_length=200, editable=False, help_text="Its place in the private storage.")
    sha256 = models.CharField(max_length=64, editable=False, help_text="Of its content.")
    settings = models.JSONField(
        default=dict, blank=True, help_text="joints, image_names, answer, question: see docs/formats.md."
    )
    dry_run = models.BooleanField(default=False, help_text="Only look: count, warn, show, and keep nothing.")
    knows_colour = models.BooleanField(default=True, editable=False, help_text="The file tells which keypoint was green.")
    knows_side = models.BooleanField(default=True, editable=False, help_text="The file tells which keypoint was on the left.")
    figures = models.JSONField(default=dict, editable=False, help_text="Counts, and a sample of what was understood.")
    warnings = models.JSONField(default=list, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"votes of {self.filename}"
