"""What is asked, and what was answered.

An image shows people, a person has keypoints, two keypoints make a pair; a task puts
pairs before an annotator, who casts votes. A vote is a fact: nothing here is ever
overwritten by an answer.
"""

import secrets

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest, Least
from django.urls import reverse
from django.utils import timezone

from access.sharing import Role, Share
from annotation import rights
from jobs.models import Job


class Choice(models.IntegerChoices):
    """What one answer says of a pair; an undo is an answer too."""

    FIRST = 1, "the first is closer"
    SECOND = 2, "the second is closer"
    UNDONE = 0, "taken back"


class Skeleton(models.Model):
    """Which joints a person has: data, so that a new one needs no code."""

    name = models.SlugField(unique=True)
    title = models.CharField(max_length=100)
    joints = models.JSONField(help_text="Names, e.g. 'right ankle', right and left being the person's.")
    bones = models.JSONField(help_text="[[parent, child], ...] as indices of joints.")
    mirror = models.JSONField(help_text="For each joint the index of its mirror image; itself in the middle.")
    root = models.PositiveSmallIntegerField(help_text="The joint that 3D poses are centred on.")
    figure = models.JSONField(help_text="Reference figure, facing the viewer: [[x, y], ...] in 0 to 1, y down.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title


class DatasetQuerySet(QuerySet):
    def open_to(self, user, role: Role = Role.VIEW) -> QuerySet:
        return self if user.is_superuser else self.filter(rights.of_datasets(user, role))


class WholeDatasets(models.Manager.from_queryset(DatasetQuerySet)):
    """Leaves out those that are still being imported, so that nothing is begun with half a data set."""

    def get_queryset(self) -> QuerySet:
        return super().get_queryset().filter(is_whole=True)


class Dataset(models.Model):
    name = models.CharField(max_length=100, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="datasets")
    skeleton = models.ForeignKey(Skeleton, models.PROTECT, related_name="datasets")
    source = models.CharField(max_length=50, help_text="The format it was read from.")
    description = models.TextField(blank=True)
    licence = models.CharField(max_length=500, blank=True)
    citation = models.TextField(blank=True)
    seed = models.PositiveIntegerField(default=0, help_text="Of the random pairs.")
    is_whole = models.BooleanField(default=True, editable=False, help_text="Not while its import is under way.")
    is_drawn = models.BooleanField(
        default=False, editable=False, help_text="Its source has no pictures: stick figures were drawn from the keypoints."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = WholeDatasets()
    everything = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """The name of a data set that is still being imported is taken as well."""
        if Dataset.everything.filter(name=self.name, is_whole=False).exclude(pk=self.pk).exists():
            raise ValidationError({"name": f"A data set “{self.name}” is being imported. Choose another name."})


class Image(models.Model):
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="images")
    name = models.CharField(max_length=300, help_text="Its file name in the source.")
    file = models.FileField(upload_to="images", max_length=200, help_text="Stored under the hash of its content.")
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField(help_text="Pixels.")
    height = models.PositiveIntegerField(help_text="Pixels.")
    up = models.JSONField(
        null=True, blank=True,
        help_text="[x, y, z]: the world's up in the camera's axes, x right, y down, z away, of length 1; where known.",
    )

    class Meta:
        ordering = ["dataset", "name"]
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="one_image_per_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        """Where anybody who knows the content's hash can see it; it never changes, so it may be kept for ever."""
        return reverse("image", args=[self.sha256])


class Person(models.Model):
    """One person in an image, K keypoints of the data set's skeleton."""

    image = models.ForeignKey(Image, models.CASCADE, related_name="people")
    number = models.PositiveSmallIntegerField(default=0, help_text="Within the image, from 0.")
    keypoints = models.JSONField(help_text="[[x, y] or null, ...] in pixels of the image; null where missing.")
    occluded = models.JSONField(help_text="[true or false, ...]: hidden, but its place is known.")
    truth_mm = models.JSONField(
        null=True, blank=True,
        help_text="[[x, y, z], ...] in mm, root at 0, x right, y down, z away from the camera; where known.",
    )

    class Meta:
        ordering = ["image", "number"]
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(fields=["image", "number"], name="one_person_per_number")]

    def __str__(self) -> str:
        return f"{self.image.name} #{self.number}"

    @property
    def key(self) -> str:
        """Its name in releases, stable as long as the source's file names are."""
        return f"{self.image.name}#{self.number}"


class PairQuerySet(QuerySet):
    def unseen_by(self, annotator: "Annotator") -> QuerySet:
        """Pairs that were never put before this annotator, answered or not."""
        shown = Comparison.objects.filter(task__annotator=annotator).values("pair")
        return self.exclude(pk__in=shown)

    def of_dataset(self, dataset: Dataset) -> QuerySet:
        return self.filter(person__image__dataset=dataset)


class Pair(models.Model):
    """Two keypoints of one person, and the question which is closer to the camera.

    Which of the two is the first was drawn at random, so order carries no meaning.
    """

    person = models.ForeignKey(Person, models.CASCADE, related_name="pairs")
    first = models.PositiveSmallIntegerField(help_text="Index of a joint.")
    second = models.PositiveSmallIntegerField(help_text="Index of another joint.")
    strategy = models.CharField(max_length=30, default="random", help_text="How it came to be asked.")
    prior = models.FloatField(null=True, blank=True, help_text="p_first that a lifter believes in, before any vote.")
    prior_source = models.CharField(max_length=60, blank=True, help_text="The name of the run it comes from.")
    gold_first = models.BooleanField(null=True, blank=True, help_text="Known answer: is the first closer?")

    objects = PairQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(first=F("second")), name="a_pair_has_two_keypoints"),
            models.CheckConstraint(
                condition=Q(prior__isnull=True) | (Q(prior__gt=0) & Q(prior__lt=1)), name="a_prior_is_no_certainty"
            ),
            models.UniqueConstraint(
                F("person"), Least("first", "second"), Greatest("first", "second"), name="one_pair_per_two_keypoints"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.first} or {self.second}"

    @property
    def truth_first(self) -> bool | None:
        """Whether the first keypoint is closer in the person's ground truth; None where unknown."""
        gap_mm = self.depth_gap_mm
        return None if gap_mm is None else gap_mm > 0

    @property
    def depth_gap_mm(self) -> float | None:
        """z of the second minus z of the first, so positive where the first is closer; None where unknown."""
        truth = self.person.truth_mm
        return truth[self.second][2] - truth[self.first][2] if truth else None


def new_pseudonym() -> str:
    return secrets.token_hex(8)


class Annotator(models.Model):
    """Whoever answers, as a pseudonym; who that is in a marketplace only `crowd.Worker` knows."""

    pseudonym = models.CharField(max_length=16, unique=True, default=new_pseudonym, editable=False)
    tutorial_passed_at = models.DateTimeField(
        null=True, blank=True, help_text="When a tutorial was first passed; the attempts themselves say which."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.pseudonym


class ConsentText(models.Model):
    """What an annotator is asked to agree to, word for word; a changed text is a new row."""

    version = models.CharField(max_length=40)
    text = models.TextField()
    sha256 = models.CharField(max_length=64, unique=True, editable=False, help_text="Of version and text.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"version {self.version} ({self.sha256[:8]})"


class Consent(models.Model):
    """One annotator agreed to one text; added once, never changed."""

    annotator = models.ForeignKey(Annotator, models.PROTECT, related_name="consents")
    text = models.ForeignKey(ConsentText, models.PROTECT, related_name="consents")
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["annotator", "text"], name="one_consent_per_text")]

    def __str__(self) -> str:
        return f"{self.annotator} to {self.text}"


class Tutorial(models.Model):
    """Comparisons with known answers that a researcher made; the shipped ones need no row."""

    name = models.SlugField(unique=True)
    skeleton = models.ForeignKey(Skeleton, models.PROTECT, related_name="tutorials")
    examples = models.JSONField(
        help_text="In order: image (sha256, file, width, height), keypoints, first, second, first_is_closer, "
        "kind and explanation."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TutorialAttempt(models.Model):
    """One try of one annotator at a tutorial. Its answers never enter the data."""

    annotator = models.ForeignKey(Annotator, models.CASCADE, related_name="tutorial_attempts")
    tutorial = models.CharField(max_length=60, help_text="The tutorial's name.")
    number = models.PositiveSmallIntegerField(help_text="From 1.")
    answers = models.JSONField(default=list, help_text="For each example whether the first was chosen; null before that.")
    n_right = models.PositiveSmallIntegerField(default=0)
    passed = models.BooleanField(null=True, help_text="Unknown until the last answer.")
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["annotator", "tutorial", "number"]
        constraints = [
            models.UniqueConstraint(fields=["annotator", "tutorial", "number"], name="one_attempt_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.annotator} at {self.tutorial}, try {self.number}"


class TaskQuerySet(QuerySet):
    def open(self, now=None) -> QuerySet:
        """Being worked on: neither handed in, withdrawn nor past its time."""
        now = now or timezone.now()
        return self.filter(handed_in_at=None, withdrawn_at=None, expires_at__gt=now)


class Task(models.Model):
    """A short run of comparisons, given to one annotator until `expires_at`.

    Its pairs are leased for that long: counted as asked, so that nothing is asked
    too often, and free again when the lease lapses.
    """

    annotator = models.ForeignKey(Annotator, models.PROTECT, related_name="tasks")
    seed = models.PositiveBigIntegerField(help_text="Of the draws of side and colour.")
    delay_ms = models.PositiveIntegerField(default=750, help_text="How long the buttons wait after the image is seen.")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    handed_in_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True, help_text="Returned or abandoned.")
    verified_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was confirmed who gave these votes; before that no merge uses them."
    )
    feedback = models.JSONField(null=True, blank=True, help_text="problem, ease 0-10, comment.")
    epoch = models.PositiveIntegerField(
        default=0, help_text="Raised by every opening of the page: the newest tab or device may answer, older ones not."
    )
    consent_text = models.ForeignKey(ConsentText, models.PROTECT, null=True, blank=True, related_name="tasks")
    needs_consent = models.BooleanField(default=False, help_text="No vote is taken before the text is agreed to.")
    tutorial = models.CharField(max_length=60, blank=True, help_text="The tutorial's name; empty: none.")
    needs_tutorial = models.BooleanField(default=False, help_text="No vote is taken before the tutorial is passed.")
    pass_mark = models.FloatField(default=0.8, help_text="Share of the tutorial that must be right, 0 to 1.")
    gold_feedback = models.BooleanField(default=False, help_text="Comparisons with known answers say so once answered.")
    teaches_lean = models.BooleanField(default=True, help_text="The instructions speak of the camera's lean.")

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["annotator", "handed_in_at"])]

    def __str__(self) -> str:
        return f"task {self.pk}"

    @property
    def was_only_tried(self) -> bool:
        """Handed in without answers, as the tutorial was not passed: the time is paid all the same."""
        return self.needs_tutorial and self.handed_in_at is not None

    def is_open(self, now=None) -> bool:
        return not (self.handed_in_at or self.withdrawn_at) and (now or timezone.now()) < self.expires_at


class Comparison(models.Model):
    """One pair as one annotator sees it: its place in the task, its side and its colour."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="comparisons")
    position = models.PositiveSmallIntegerField(help_text="From 0.")
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="comparisons")
    first_is_green = models.BooleanField(help_text="The other keypoint is pink.")
    first_is_left = models.BooleanField(help_text="The other keypoint's button is on the right.")
    is_gold = models.BooleanField(default=False, help_text="Asked to check the annotator: its answer is known.")

    class Meta:
        ordering = ["task", "position"]
        constraints = [
            models.UniqueConstraint(fields=["task", "position"], name="one_comparison_per_position"),
            models.UniqueConstraint(fields=["task", "pair"], name="a_task_asks_a_pair_once"),
        ]
        indexes = [models.Index(fields=["task"], condition=Q(is_gold=True), name="gold_comparisons")]

    def __str__(self) -> str:
        return f"{self.task_id}/{self.position}"


class VoteQuerySet(QuerySet):
    def standing(self) -> QuerySet:
        """The last word on each comparison, where that is not an undo: what a merge may count."""
        last = Vote.objects.filter(comparison=OuterRef("comparison")).order_by("-number").values("number")[:1]
        return self.filter(number=Subquery(last)).exclude(choice=Choice.UNDONE)

    def verified(self) -> QuerySet:
        return self.filter(task__verified_at__isnull=False)


class Vote(models.Model):
    """One answer, or one undo, as the page sent it. Rows are added, never changed.

    Pair, annotator, side and colour repeat what the comparison says, so that a merge of
    millions reads one table and the fact stays whole by itself.
    """

    task = models.ForeignKey(Task, models.PROTECT, related_name="votes")
    number = models.PositiveIntegerField(help_text="The page's own count of its answers, from 1.")
    comparison = models.ForeignKey(Comparison, models.PROTECT, related_name="votes")
    pair = models.ForeignKey(Pair, models.PROTECT, related_name="votes")
    annotator = models.ForeignKey(Annotator, models.PROTECT, related_name="votes")
    choice = models.PositiveSmallIntegerField(choices=Choice)
    first_is_green = models.BooleanField()
    first_is_left = models.BooleanField()
    response_ms = models.PositiveIntegerField(help_text="From the image's painting to the answer, page visible.")
    elapsed_ms = models.PositiveIntegerField(help_text="The same with the time the page was hidden.")
    given_at = models.DateTimeField(default=timezone.now, help_text="When the server stored it.")

    objects = VoteQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["task", "number"], name="an_answer_sent_twice_is_one_vote")]

    def __str__(self) -> str:
        return f"{self.task_id}/{self.number}: {self.get_choice_display()}"


class DatasetShare(Share):
    """A data set, and its owner's campaigns on it, shared with a colleague."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="shares")

    class Meta(Share.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["dataset", "user"], name="a_data_set_is_shared_once_with_each")]


class Upload(models.Model):
    """A file that a researcher sent through the browser or the programming interface, to be imported."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=200, help_text="As it was called where it came from.")
    file = models.CharField(max_length=200, help_text="In the private storage.")
    n_bytes = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class Import(Job):
    """A data set being read, or only looked through, by command, from the panel or through the programming interface.

    Images are stored in batches, each in one transaction that also moves `cursor`; the data
    set is hidden until the last one. A process that dies is followed by one that goes on
    at the cursor.
    """

    step = "annotation.loading.run"
    STOPPED = (Job.State.FAILED, Job.State.CANCELLED)

    format = models.CharField(max_length=20)
    path = models.CharField(
        max_length=1000, blank=True, help_text="Folder, file or zip on the server, s3://bucket/prefix, or https://..."
    )
    upload = models.ForeignKey(Upload, models.SET_NULL, null=True, blank=True, related_name="imports")
    images_path = models.CharField(
        max_length=1000, blank=True, help_text="Where the images are, if not beside the annotations; as for the path."
    )
    name = models.CharField(max_length=100, blank=True, help_text="Of the data set to be.")
    limit = models.PositiveIntegerField(null=True, blank=True, help_text="At most so many images.")
    pairs_per_person = models.PositiveSmallIntegerField(default=5)
    seed = models.PositiveIntegerField(default=0)
    strict = models.BooleanField(default=False, help_text="Let any warning end the import.")
    options = models.JSONField(default=dict, blank=True, help_text="What only some formats know: skeleton, every, ...")
    dry_run = models.BooleanField(default=False, help_text="Read and check everything, store nothing.")
    any_path = models.BooleanField(
        default=False, editable=False, help_text="Started from a shell, which may read whatever the server may."
    )
    cursor = models.PositiveIntegerField(default=0, editable=False, help_text="Images stored so far.")
    content_sha256 = models.CharField(max_length=64, blank=True, db_index=True, editable=False, help_text="Of the annotations.")
    counts = models.JSONField(default=dict, editable=False, help_text="images, people, pairs, joints_missing, ...")
    sample = models.JSONField(default=list, editable=False, help_text="A dry run's first people.")
    dataset = models.ForeignKey(Dataset, models.SET_NULL, null=True, blank=True, editable=False, related_name="imports")
    warnings = models.JSONField(default=list, editable=False, help_text="The first thousand.")
    n_warnings = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name or 'a dry run'} from {self.upload or self.path}"

    @property
    def can_resume(self) -> bool:
        """It has stopped with a part of its data set stored."""
        return self.state in self.STOPPED and self.dataset is not None and not self.dataset.is_whole
