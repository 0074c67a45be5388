"""Who is asked, and what they earn; what their answers amount to is in `crowd.models.outcomes`."""

import secrets
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from access.sharing import Role
from annotation.models import Annotator, Dataset, Pair, Task, Tutorial
from annotation.words import CONSENT_TEXT
from crowd import rights
from crowd.addresses import A_CODE, A_PARAMETER, check_completion_url
from jobs.models import Job

A_TOPIC = RegexValidator(r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}\Z", "Not the ARN of an SNS topic.")
SOMEBODY_MAY_BE_AT_WORK_FOR = timedelta(days=1)


def new_token() -> str:
    return secrets.token_urlsafe(24)


def usd(total: Decimal | None) -> Decimal:
    """A database's sum, to the cent: SQLite adds decimals as floats."""
    return (total or Decimal(0)).quantize(Decimal("0.01"))


class Environment(models.Model):
    """A way to people, with an account of its own where it holds money; `crowd.ways` speaks to it."""

    class Kind(models.TextChoices):
        MTURK = "mturk", "Mechanical Turk's protocol"
        PROLIFIC = "prolific", "Prolific"
        LINK = "link", "a link on any platform"
        INVITATION = "invitation", "personal invitations"

    name = models.CharField(max_length=50, unique=True)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.MTURK)
    endpoint_url = models.URLField(
        max_length=300, blank=True, help_text="Where boto3 is pointed; for Prolific the root of its API. Empty: none.",
    )
    worker_url = models.URLField(
        max_length=300, blank=True, help_text="Where workers find HITs; also `turkSubmitTo`. Prolific: its site.",
    )
    credentials = models.CharField(
        max_length=100, blank=True,
        help_text="Name of the credentials: a file in NEARER_VAR/credentials, an AWS profile, or empty for boto3's own search.",
    )
    worker_parameter = models.CharField(
        max_length=40, default="worker", validators=[A_PARAMETER],
        help_text="Link: which parameter of the address names the person, e.g. `participantId`.",
    )
    session_parameter = models.CharField(
        max_length=40, default="session", blank=True, validators=[A_PARAMETER],
        help_text="Link: which parameter names this visit, e.g. `assignmentId`. Empty: one task for each person.",
    )
    completion_url = models.CharField(
        max_length=500, blank=True, validators=[check_completion_url],
        help_text="Link: where people are sent at the end; {code}, {worker}, {session} and {study} are filled in. "
        "Empty: a code is shown, to be copied.",
    )
    project = models.CharField(
        max_length=64, blank=True, help_text="Prolific: id of the project in which studies are made. Empty: the account's own."
    )
    workspace = models.CharField(
        max_length=64, blank=True, help_text="Prolific: id of the workspace that pays. Empty: the account's first."
    )
    requests_per_s = models.FloatField(
        default=3, validators=[MinValueValidator(0)],
        help_text="Of all processes together to this account; 0: no limit. Amazon names no figure, 1 to 3 are known to pass.",
    )
    asks_requirements = models.BooleanField(
        default=True,
        help_text="Campaigns' requirements on workers are asked here. Off in a sandbox and for a new crowd of one's own, "
        "where nobody has a record yet.",
    )
    available_usd = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, editable=False,
        help_text="What the account had free when it was last asked; empty before that, and where there is none.",
    )
    balance_at = models.DateTimeField(null=True, editable=False, help_text="When that was.")
    topic_arn = models.CharField(
        max_length=200, blank=True, validators=[A_TOPIC],
        help_text="SNS topic to which the marketplace tells what happens; it only hastens collecting. Empty: none.",
    )
    exclusion_type_id = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Qualification of those who get no further task."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def chooses_hits(self) -> bool:
        """Whether Nearer itself says which HIT somebody gets, as no marketplace does."""
        return self.kind != self.Kind.MTURK


class CampaignQuerySet(QuerySet):
    def open_to(self, user, role: Role = Role.VIEW) -> QuerySet:
        return self if user.is_superuser else self.filter(rights.of_campaigns(user, role))

    def to_reconcile(self) -> QuerySet:
        """On offer, or over with somebody still at work or unpaid, or so lately that somebody might be."""
        undecided = Assignment.objects.filter(hit__campaign=OuterRef("pk"), state__in=Assignment.UNDECIDED)
        owed = Hit.objects.filter(campaign=OuterRef("pk"), compensates__isnull=False).exclude(
            compensates__state=Assignment.State.COMPENSATED
        )
        lately = Q(finished_at__gt=timezone.now() - SOMEBODY_MAY_BE_AT_WORK_FOR)
        on_offer = Q(state__in=[Campaign.State.PUBLISHING, Campaign.State.COLLECTING, Campaign.State.PAUSED])
        return self.filter(on_offer | (Q(state=Campaign.State.FINISHED) & (Exists(undecided) | Exists(owed) | lately)))


class Campaign(models.Model):
    """A data set put before a crowd; the defaults are the paper's."""

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        PUBLISHING = "publishing", "being published"
        COLLECTING = "collecting", "collecting votes"
        PAUSED = "paused", "paused"
        FINISHED = "finished", "finished"
        ARCHIVED = "archived", "archived"

    class Protocol(models.TextChoices):
        FIXED = "fixed", "fixed: the same number of votes on every pair"
        LEAN = "lean", "lean: votes where they change most"

    name = models.CharField(max_length=100, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="campaigns")
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="campaigns")
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="campaigns")
    state = models.CharField(max_length=12, choices=State, default=State.DRAFT, editable=False)

    votes_per_pair = models.PositiveSmallIntegerField(
        default=5, validators=[MinValueValidator(1), MaxValueValidator(9)],
        help_text="From so many different workers. At most 9: from 10 assignments on a marketplace takes twice the fee.",
    )
    images_per_hit = models.PositiveSmallIntegerField(default=5, validators=[MinValueValidator(1)])
    pairs_per_image = models.PositiveSmallIntegerField(default=5, validators=[MinValueValidator(1)])
    delay_ms = models.PositiveIntegerField(
        default=750, validators=[MaxValueValidator(10_000)],
        help_text="How long the buttons wait after an image is seen, in ms.",
    )
    title = models.CharField(max_length=128, default="Guess the Closest Part of a Person!")
    description = models.CharField(
        max_length=2000, default="See a person with two marked body parts and say which of them is closer to the camera."
    )
    keywords = models.CharField(max_length=1000, default="image, person, depth, comparison, quick")
    reward_usd = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal("0.10"), validators=[MinValueValidator(Decimal("0.01"))],
        help_text="For one HIT of usually 25 comparisons. The paper paid 0.10; 0.40 is about 15 dollars an hour.",
    )
    budget_usd = models.DecimalField(
        max_digits=10, decimal_places=2, null=True, blank=True,
        help_text="Nothing is published beyond it, fees included. Empty: no limit.",
    )
    wage_floor_usd = models.DecimalField(
        max_digits=6, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(Decimal("0.01"))],
        help_text="An hour. Whoever earned less for the time measured can be paid the difference by one click.",
    )
    approval_rate_percent = models.PositiveSmallIntegerField(
        default=98, null=True, blank=True, validators=[MaxValueValidator(100)],
        help_text="Workers with at least this share of approved work. Empty: all.",
    )
    hits_approved = models.PositiveIntegerField(
        default=100, null=True, blank=True,
        help_text="Workers with at least so many approved HITs; below 100 a rate says nothing. Empty: all.",
    )
    countries = models.CharField(
        max_length=200, blank=True, default="US", validators=[RegexValidator(r"^([A-Z]{2}(, ?|$))*$")],
        help_text="Two-letter codes with commas, at most 30. Empty: everywhere.",
    )
    duration_s = models.PositiveIntegerField(default=15 * 60, help_text="Time for one HIT from its acceptance, in s.")
    lifetime_s = models.PositiveIntegerField(default=7 * 24 * 3600, help_text="How long HITs are on offer, in s.")
    auto_approval_s = models.PositiveIntegerField(
        default=24 * 3600, help_text="After so long the marketplace pays by itself, in s. Nearer approves sooner."
    )
    frame_height = models.PositiveIntegerField(default=1000, help_text="Of the iframe, in pixels; 0 fits the window.")
    contact = models.CharField(max_length=200, blank=True, help_text="Shown to workers who have a question.")
    entry = models.CharField(
        max_length=40, unique=True, default=new_token, editable=False,
        help_text="Secret part of the campaign's own address, where a platform sends people without choosing a HIT.",
    )
    study_id = models.CharField(
        max_length=64, blank=True, help_text="The platform's name for the campaign: a study on Prolific, {study} of a link."
    )
    study_status = models.CharField(max_length=20, blank=True, editable=False, help_text="The platform's word on it.")
    completion_code = models.CharField(
        max_length=64, blank=True, validators=[A_CODE],
        help_text="The platform's code for a finished task, the same for all. Empty: each person gets a code of their own.",
    )
    seed = models.PositiveIntegerField(default=0, help_text="Of the distribution of pairs and of side and colour.")

    consent_text = models.TextField(
        blank=True, default=CONSENT_TEXT, help_text="Workers agree to it before they begin. Empty: none is asked for."
    )
    consent_version = models.CharField(max_length=40, default="1", help_text="Change it together with the text.")
    has_tutorial = models.BooleanField(default=True, help_text="A worker's first task begins with a tutorial.")
    tutorial = models.ForeignKey(
        Tutorial, models.PROTECT, null=True, blank=True, related_name="campaigns", help_text="Empty: the shipped one."
    )
    tutorial_pass_mark = models.FloatField(
        default=0.8, validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Share of the tutorial that must be right, 0 to 1; there are two tries.",
    )
    protocol = models.CharField(
        max_length=5, choices=Protocol, default=Protocol.FIXED,
        help_text="Fixed: every pair gets the same number of votes. Lean: each task asks what its votes change most, and "
        "stops asking about a pair once it is sure; the price is then the most that can be spent.",
    )
    target_risk = models.FloatField(
        default=0.05, validators=[MinValueValidator(0.001), MaxValueValidator(0.4)],
        help_text="Lean: a pair is finished once its label is wrong, or would be changed by ever more votes, with at most "
        "this probability.",
    )
    most_votes = models.PositiveSmallIntegerField(
        default=7, validators=[MinValueValidator(1), MaxValueValidator(45)],
        help_text="Lean: a pair on which people still disagree after so many votes is left at that.",
    )
    most_out = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(9)],
        help_text="Lean: so many people at most are asked about one pair at the same time. Places are added as answers come "
        "in, so that each is chosen with what the earlier ones have told; more is sooner done and saves less.",
    )
    least_votes = models.PositiveSmallIntegerField(
        default=1, validators=[MaxValueValidator(9)],
        help_text="Lean: so many people are asked about every pair, however sure the lifter is. 0 trusts it alone.",
    )
    further_pairs = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(1000)],
        help_text="Lean: while money is left and little is open, so many further pairs are made for each person, at random, "
        "one after the other. With 1 as the most votes for one pair every vote goes to a new one, which teaches a lifter "
        "at least as much as a further vote on an old one and makes one label more. 0 saves the money.",
    )
    least_open_share = models.FloatField(
        default=0.5, validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Lean: a further task is bought while open pairs fill at least this share of it, 0 to 1; the last few, "
        "a tenth of all at most, are left open, since the rest of it would ask about finished ones again. 0: until none "
        "is open.",
    )
    exploration_share = models.FloatField(
        default=0.05, validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Lean: share of a task, 0 to 1, that is drawn at random, so that workers and probabilities stay measurable.",
    )
    merge_every = models.PositiveIntegerField(
        default=100, validators=[MinValueValidator(25)],
        help_text="Lean: after so many new votes, and a tenth more than before, all of them are merged anew; in between each "
        "vote counts by itself.",
    )
    gold_share = models.FloatField(
        default=0, validators=[MinValueValidator(0), MaxValueValidator(0.5)],
        help_text="Share of a task's comparisons, 0 to 0.5, that have known answers; they are added to the HIT's own.",
    )
    gold_is_visible = models.BooleanField(default=True, help_text="Workers are told how they did on those.")
    teaches_lean = models.BooleanField(
        default=True, help_text="Instructions say: judge from the camera, not from the floor. Off, to measure the effect."
    )

    price_usd = models.DecimalField(
        max_digits=10, decimal_places=2, null=True, editable=False, help_text="What the launch was to cost, fees included."
    )
    more_votes = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Votes for each pair asked for after the launch."
    )
    broadened = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Lean: how often a further pair was made for everybody."
    )
    begun_upto = models.PositiveBigIntegerField(
        null=True, editable=False, help_text="Lean: key of the last picture whose turn has come; empty: all have begun."
    )
    turn = models.PositiveIntegerField(
        default=0, editable=False, help_text="How often its offer was changed; part of the tokens of what that takes."
    )
    voters_type_id = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Qualification of those who have voted already."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    reconciled_at = models.DateTimeField(null=True, editable=False)
    listed_at = models.DateTimeField(
        null=True, editable=False, help_text="When every submission was last looked at, not only what might be news."
    )
    trouble = models.CharField(max_length=500, blank=True, editable=False, help_text="Why the last reconciliation failed.")

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def comparisons_per_hit(self) -> int:
        return self.images_per_hit * self.pairs_per_image

    @property
    def is_lean(self) -> bool:
        return self.protocol == self.Protocol.LEAN

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def spent_usd(self) -> Decimal:
        total = self.payments.aggregate(reward=Sum("amount_usd"), fee=Sum("fee_usd"))
        return sum((usd(value) for value in total.values()), Decimal(0))

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.FINISHED, self.State.ARCHIVED)


class Publication(Job):
    """A change to what is offered, HIT by HIT; taken up again where it stopped."""

    class Act(models.TextChoices):
        PUBLISH = "publish", "publication"
        PAUSE = "pause", "pause"
        RESUME = "resume", "resumption"
        EXTEND = "extend", "extension"
        FINISH = "finish", "finish"
        ARCHIVE = "archive", "archiving"
        PAY = "pay", "payment of bonuses"

    step = "crowd.life.run"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="publications")
    act = models.CharField(max_length=8, choices=Act, default=Act.PUBLISH, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.get_act_display()} of {self.campaign}"


class Hit(models.Model):
    """Comparisons offered to `max_assignments` different workers.

    The row and its request token are stored before the marketplace is called, so that a
    lost reply is asked for again and never makes a second HIT.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="hits")
    number = models.PositiveIntegerField(help_text="Within the campaign, from 0.")
    token = models.CharField(max_length=40, unique=True, default=new_token, help_text="Secret part of the page's address.")
    request_token = models.CharField(max_length=64, unique=True, help_text="UniqueRequestToken of its creation.")
    hit_id = models.CharField(max_length=64, blank=True, help_text="The marketplace's name for it, once it is there.")
    hit_type_id = models.CharField(max_length=64, blank=True)
    follows = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="followers", help_text="Whose pairs it asks about again."
    )
    compensates = models.OneToOneField(
        "Assignment", models.PROTECT, null=True, blank=True, related_name="compensation",
        help_text="The work that this HIT is there to pay for, as it could not be handed in.",
    )
    seen = models.CharField(
        max_length=80, blank=True, editable=False, help_text="The marketplace's counts when its assignments were last listed."
    )
    max_assignments = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=20, blank=True, help_text="The marketplace's word on it.")
    created_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="On the marketplace; its rejections stand for ever.")
    pairs = models.ManyToManyField(Pair, through="HitPair", related_name="hits")

    class Meta:
        ordering = ["campaign", "number"]
        constraints = [models.UniqueConstraint(fields=["campaign", "number"], name="one_hit_per_number")]

    def __str__(self) -> str:
        return self.hit_id or f"{self.campaign} {self.number} (not yet published)"


class HitPair(models.Model):
    hit = models.ForeignKey(Hit, models.CASCADE, related_name="hit_pairs")
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="hit_pairs")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["hit", "position"]
        constraints = [
            models.UniqueConstraint(fields=["hit", "position"], name="one_pair_per_position_of_a_hit"),
            models.UniqueConstraint(fields=["hit", "pair"], name="a_hit_asks_a_pair_once"),
        ]

    def __str__(self) -> str:
        return f"{self.hit_id}/{self.position}"


class Worker(models.Model):
    """A marketplace's identity of an annotator: personal data, kept out of exports and logs."""

    environment = models.ForeignKey(Environment, models.PROTECT, related_name="workers")
    worker_id = models.CharField(max_length=64)
    annotator = models.OneToOneField(Annotator, models.PROTECT, related_name="worker")
    excluded_at = models.DateTimeField(null=True, blank=True, help_text="Gets no further task; what was done is paid.")
    blocked_at = models.DateTimeField(null=True, blank=True, help_text="At the marketplace, from all of the account's HITs.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["environment", "worker_id"], name="one_worker_per_id")]

    def __str__(self) -> str:
        return self.annotator.pseudonym


def new_selector() -> str:
    return secrets.token_hex(8)


class Invitation(models.Model):
    """Somebody is asked by name to label a campaign, through a link of their own.

    The link's public half (`selector`) is stored, its secret half is computed from it with
    the server's key (`crowd.ways.invitation`), so that the database alone opens no door.
    Name and e-mail address are personal data: like `Worker` they stay out of exports and logs.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="invitations")
    worker = models.ForeignKey(Worker, models.PROTECT, related_name="invitations")
    name = models.CharField(max_length=100)
    email = models.EmailField(blank=True)
    selector = models.CharField(max_length=16, unique=True, default=new_selector, editable=False)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When the link was last sent by e-mail.")
    opened_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When a task was first opened.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="From then on the link opens nothing.")

    class Meta:
        ordering = ["campaign", "created_at"]
        constraints = [models.UniqueConstraint(fields=["campaign", "worker"], name="one_invitation_to_a_campaign")]

    def __str__(self) -> str:
        return f"invitation {self.pk}"


class Assignment(models.Model):
    """One worker's acceptance of one HIT.

    Keyed by assignment *and* worker: a returned assignment's id may go to somebody else.
    """

    class State(models.TextChoices):
        ACCEPTED = "accepted", "accepted"
        SUBMITTED = "submitted", "submitted, not yet verified"
        VERIFIED = "verified", "verified"
        APPROVED = "approved", "approved and paid"
        REJECTED = "rejected", "rejected"
        UNSUBMITTED = "unsubmitted", "never submitted"
        FOREIGN = "foreign", "not confirmed by the marketplace"
        COMPENSATED = "compensated", "paid for without a submission"

    UNDECIDED = (State.ACCEPTED, State.SUBMITTED, State.VERIFIED)

    hit = models.ForeignKey(Hit, models.PROTECT, related_name="assignments")
    worker = models.ForeignKey(Worker, models.PROTECT, related_name="assignments")
    assignment_id = models.CharField(max_length=64)
    task = models.OneToOneField(Task, models.PROTECT, null=True, related_name="assignment")
    state = models.CharField(max_length=12, choices=State, default=State.ACCEPTED)
    note = models.CharField(max_length=500, blank=True, help_text="Why it stands as it does, for the researcher.")
    feedback = models.CharField(max_length=1024, blank=True, help_text="What the worker was told with the decision.")
    receipt = models.JSONField(null=True, blank=True, help_text="Name and value of each field handed in at the marketplace.")
    accepted_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    auto_approval_at = models.DateTimeField(null=True, blank=True)

    counted_as = models.CharField(
        max_length=8, blank=True, editable=False,
        help_text="What the pairs' standing takes its task for: empty while it is out, then counted or lapsed.",
    )

    class Meta:
        ordering = ["-accepted_at"]
        constraints = [
            models.UniqueConstraint(fields=["assignment_id", "worker"], name="one_row_per_assignment_and_worker")
        ]

    def __str__(self) -> str:
        return self.assignment_id
