"""What the pages about visits and invitations show."""

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Least
from django.urls import reverse
from django.utils import timezone

from annotation.models import Vote
from crowd.models import Assignment, Campaign, Environment
from crowd.prolific.client import Client
from crowd.visits import allotting, completing, entering
from crowd.ways import invitation as invitations
from crowd.ways.base import GatewayError

Kind = Environment.Kind
State = Assignment.State
LONGEST_ANSWER_MS = 60_000


def entry_url(campaign: Campaign) -> str:
    """What the platform is given: the campaign's address with the parameters that it has to fill in."""
    environment = campaign.environment
    url = settings.PUBLIC_URL + reverse("entry", args=[campaign.entry])
    if environment.kind == Kind.PROLIFIC:
        return url
    names = [name for name in (environment.worker_parameter, environment.session_parameter) if name]
    return url + "?" + "&".join(f"{name}=…" for name in names)


def completion(campaign: Campaign) -> str:
    """How a visit ends, in words."""
    code = f"the code {campaign.completion_code}" if campaign.completion_code else "a code of each person's own"
    if campaign.environment.kind == Kind.PROLIFIC:
        return f"back to Prolific with {code}"
    if campaign.environment.completion_url:
        return f"back to {campaign.environment.completion_url} with {code}"
    return f"{code} is shown, to be copied"


def counts(campaign: Campaign) -> dict:
    """Finished, waiting for the researcher, counted, rejected; and places that are still free."""
    states = dict(
        Assignment.objects.filter(hit__campaign=campaign, task__handed_in_at__isnull=False)
        .values_list("state").annotate(n=Count("pk")).order_by()
    )
    places = list(allotting.with_places(campaign.hits.filter(compensates=None)).values_list("max_assignments", "taken"))
    return {
        "finished": sum(states.values()), "waiting": sum(states.get(state, 0) for state in (State.ACCEPTED, State.SUBMITTED)),
        "approved": states.get(State.APPROVED, 0), "rejected": states.get(State.REJECTED, 0),
        "places": sum(most for most, _ in places), "free": sum(max(0, most - taken) for most, taken in places),
    }


def visit_rows(assignments: Iterable[Assignment]) -> list[dict]:
    """What a row of the list says, with two queries for all of them."""
    assignments = list(assignments)
    times = _times([row.task_id for row in assignments])
    return [
        {
            "row": row, "visit": entering.session_of(row), "code": completing.code_of(row),
            "minutes": times.get(row.task_id, (0, 0))[1] / 60_000, "answers": times.get(row.task_id, (0, 0))[0],
            "is_open": row.state in (State.ACCEPTED, State.SUBMITTED, State.VERIFIED),
        }
        for row in assignments
    ]


def _times(tasks: list[int]) -> dict[int, tuple[int, int]]:
    """By task: answers given and milliseconds at work, a minute for one answer at most."""
    rows = Vote.objects.filter(task__in=tasks).order_by().values_list("task")
    told = rows.annotate(n=Count("pk"), ms=Sum(Least(F("response_ms"), LONGEST_ANSWER_MS)))
    return {task: (n, ms) for task, n, ms in told}


def visit_csv_rows(assignments: Iterable[Assignment]) -> list[list[str]]:
    """Under the platform's own names, as the researcher pays by them there."""
    return [
        [
            one["row"].worker.worker_id, one["visit"], one["code"], f"{one['row'].task.handed_in_at:%Y-%m-%dT%H:%M:%SZ}",
            f"{one['minutes']:.1f}", str(one["answers"]), one["row"].get_state_display(),
            str(one["row"].hit.campaign.reward_usd),
        ]
        for one in visit_rows(assignments)
    ]


def study(campaign: Campaign) -> dict | None:
    """What Prolific says of the study; `silence` where it does not answer, None where there is none."""
    if campaign.environment.kind != Kind.PROLIFIC or not campaign.study_id:
        return None
    site = campaign.environment.worker_url.rstrip("/")
    shown = {"id": campaign.study_id, "url": f"{site}/researcher/studies/{campaign.study_id}", "missing": 0, "silence": ""}
    try:
        there = Client(campaign.environment).study(campaign.study_id)
    except GatewayError as error:
        return shown | {"silence": str(error)}
    Campaign.objects.filter(pk=campaign.pk).exclude(study_status=there.status).update(study_status=there.status[:20])
    missing = max(0, counts(campaign)["free"] - max(0, there.places - there.taken))
    return shown | {"status": there.status.lower(), "places": there.places, "taken": there.taken, "missing": missing}


def people(campaign: Campaign) -> list[dict]:
    """The invited, with link, how far they are and what can be done about it."""
    begun = Assignment.objects.filter(worker=OuterRef("worker"), hit__campaign=campaign, task__handed_in_at=None)
    done = Count(
        "worker__assignments", distinct=True,
        filter=Q(worker__assignments__hit__campaign=campaign, worker__assignments__task__handed_in_at__isnull=False),
    )
    rows = campaign.invitations.select_related("worker__annotator").annotate(done=done, begun=Exists(begun))
    total = campaign.hits.filter(compensates=None).count()
    return [{"row": row, "link": invitations.link_of(row), "total": total, "state": _state(row, total)} for row in rows]


def _state(row, total: int) -> str:
    if row.revoked_at:
        return f"revoked {timezone.localtime(row.revoked_at):%-d %b %Y}"
    if total and row.done >= total:
        return "done"
    if row.done or row.begun:
        return "at work"
    return "opened" if row.opened_at else "not opened yet"


def section(campaign: Campaign) -> dict | None:
    """What the campaign's own page says of its people, on ways without a marketplace; None on others."""
    kind = campaign.environment.kind
    if kind == Kind.INVITATION:
        n = campaign.invitations.filter(revoked_at=None).count()
        return {
            "template": "admin/crowd/ways/section.html", "title": "Invitations", "action": "Invitations…",
            "words": f"{n} people are invited; each answers every task.",
            "url": reverse("admin:crowd_campaign_invitations", args=[campaign.pk]),
        }
    if kind in (Kind.LINK, Kind.PROLIFIC):
        now = counts(campaign)
        return {
            "template": "admin/crowd/ways/section.html", "title": "People on the platform", "action": "Who finished…",
            "words": f"{now['finished']} have finished, {now['waiting']} of them wait for a decision. At the end: "
            f"{completion(campaign)}.",
            "address": entry_url(campaign), "url": reverse("admin:crowd_campaign_visits", args=[campaign.pk]),
        }
    return None
