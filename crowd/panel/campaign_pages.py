"""Campaigns and the places where they are offered."""

from functools import partial

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.urls import path

from access.sharing import Role
from annotation.models import Dataset
from annotation.panel import sharing
from annotation.panel.pages import JobAdmin, PageAdmin, moment, state_badge, watch_row
from crowd import life, merging, publishing, reconciling, rights
from crowd.models import Assignment, Campaign, Environment, Merge, Publication, VoteImport
from crowd.panel import campaigns as figures
from crowd.panel import expectations, home, launching, lean_figures, life_pages, money_pages, ways_pages, worth
from crowd.panel.acting import attempted

PAPER = "The paper's value: "


class CampaignForm(forms.ModelForm):
    class Meta:
        model = Campaign
        fields = [
            "name", "dataset", "environment", "protocol", "target_risk", "most_votes", "most_out", "least_votes",
            "further_pairs", "least_open_share", "exploration_share", "merge_every", "votes_per_pair", "images_per_hit",
            "pairs_per_image", "delay_ms", "teaches_lean", "seed", "reward_usd", "budget_usd", "wage_floor_usd",
            "approval_rate_percent", "hits_approved", "countries", "title", "description", "keywords", "duration_s",
            "lifetime_s", "auto_approval_s", "frame_height", "contact", "consent_text", "consent_version",
            "has_tutorial", "tutorial", "tutorial_pass_mark", "gold_share", "gold_is_visible", "study_id", "completion_code",
        ]
        labels = {
            "dataset": "Data set", "environment": "Marketplace",
            "protocol": "Votes are bought", "target_risk": "Target risk", "most_votes": "Most votes for one pair",
            "most_out": "People asked about a pair at once", "least_votes": "Least votes for a pair",
            "further_pairs": "Further pairs for each person", "least_open_share": "Open share of a last task",
            "exploration_share": "Share drawn at random", "merge_every": "Merge anew after (votes)",
            "votes_per_pair": "Votes for each pair", "images_per_hit": "Images in a HIT",
            "pairs_per_image": "Pairs of each image", "delay_ms": "Delay of the buttons (ms)",
            "reward_usd": "Reward for a HIT (USD)", "budget_usd": "Budget (USD)", "duration_s": "Time for a HIT (s)",
            "lifetime_s": "On offer for (s)", "wage_floor_usd": "Wage floor (USD an hour)",
            "approval_rate_percent": "Approval rate, at least (%)", "hits_approved": "Approved HITs, at least",
            "countries": "Countries", "auto_approval_s": "Paid by the marketplace after (s)",
            "frame_height": "Height of the frame (px)", "consent_version": "Version of the consent text",
            "has_tutorial": "Begin with a tutorial", "tutorial_pass_mark": "Pass mark of the tutorial",
            "gold_share": "Share of known answers", "gold_is_visible": "Tell workers how they did on those",
            "teaches_lean": "Teach the camera's lean", "study_id": "Study", "completion_code": "Completion code",
        }
        help_texts = {
            "votes_per_pair": f"{PAPER}5, each from another worker. 10 or more would double the marketplace's fee.",
            "images_per_hit": f"A HIT is one task that a worker takes. {PAPER}5. A new image costs a worker time, a further "
            "pair on the same image little.",
            "pairs_per_image": f"{PAPER}5, so that a HIT asks 25 comparisons, about a minute and a half of work.",
            "delay_ms": f"{PAPER}750. It keeps people from answering before they have looked.",
            "reward_usd": "The paper paid 0.10 in 2017. 0.40 is about 15 dollars an hour.",
            "wage_floor_usd": "Dollars an hour. Whoever earned less, by the time measured, can be paid the difference with one "
            "click on the page of wages. Empty: no floor.",
            "approval_rate_percent": f"{PAPER}98. Of a worker's last work on the marketplace, so many per cent were approved. "
            "Below 100 approved HITs a marketplace calls everybody's rate 100. Empty: anybody.",
            "hits_approved": f"{PAPER}100. At least so many approved HITs; it gives the rate its meaning. Empty: anybody.",
            "countries": "Two-letter codes, such as US, GB, CA, of places that know the task's language. Empty: everywhere.",
            "duration_s": f"{PAPER}900, 15 minutes from acceptance. A task takes about two; HITs may wait in a worker's queue.",
            "auto_approval_s": "Then the marketplace pays by itself, and nothing can be rejected any more. Nearer approves "
            "what it has verified within the minute.",
            "title": "What workers see in the list of HITs.",
            "lifetime_s": f"{PAPER}604800, a week. What is not worked off by then lapses and costs nothing.",
        }


@admin.register(Campaign)
class CampaignAdmin(PageAdmin):
    belongs_to = ""
    page_template = "admin/crowd/campaign/page.html"
    form = CampaignForm
    actions = None
    add_words = {
        "title": "New campaign", "save_label": "Save the draft",
        "lead": "The defaults are the paper's: it can be saved as it is. Nothing is offered or spent before you "
        "launch the draft on its own page.",
    }
    list_display = [
        "name", "dataset", state_badge, "tasks_handed_in", "paid_usd", "environment", "owner", moment("created_at", "made"),
    ]
    list_select_related = ["dataset", "environment", "owner"]
    list_filter = ["state"]
    search_fields = ["name"]
    fieldsets = [
        (None, {"fields": ["name", "dataset", "environment"]}),
        ("What is asked", {
            "fields": ["protocol", "votes_per_pair", "images_per_hit", "pairs_per_image", "delay_ms"],
        }),
        ("What is paid", {"fields": ["reward_usd", "budget_usd", "wage_floor_usd"]}),
        ("When the lean protocol stops asking", {
            "classes": ["collapse"],
            "fields": [
                "target_risk", "most_votes", "most_out", "least_votes", "further_pairs", "least_open_share",
                "exploration_share", "merge_every",
            ],
        }),
        ("Who may take part", {
            "classes": ["collapse"],
            "fields": ["approval_rate_percent", "hits_approved", "countries"],
            "description": "Asked of workers on Mechanical Turk's protocol, unless the environment is a sandbox or a crowd "
            "without records. Others do not see the HITs at all.",
        }),
        ("How it is offered", {
            "classes": ["collapse"],
            "fields": [
                "title", "description", "keywords", "duration_s", "lifetime_s", "auto_approval_s", "frame_height", "contact",
            ],
        }),
        ("How workers are prepared and checked", {
            "classes": ["collapse"],
            "fields": [
                "consent_text", "consent_version", "teaches_lean", "has_tutorial", "tutorial", "tutorial_pass_mark",
                "gold_share", "gold_is_visible", "seed",
            ],
        }),
        ("On another platform", {
            "classes": ["collapse"],
            "fields": ["study_id", "completion_code"],
            "description": "For Prolific and for links. Leave both empty to have a study made on Prolific, "
            "or to give each person a code of their own.",
        }),
    ]

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("price/", view(self.price_view), name="crowd_campaign_price"),
            path("expect/", view(partial(expectations.view, self)), name="crowd_campaign_expect"),
            *super().get_urls(),
        ]

    def pages(self):
        return {
            "live": self.live_view, "worth": self.worth_view, "lean": self.lean_view, "votes": self.votes_view,
            "finish": self.finish_view, "merge": self.merge_view,
            "collect": self.collect_view,
            **sharing.pages(self), **launching.pages(self), **life_pages.pages(self), **money_pages.pages(self),
            **ways_pages.pages(self),
        }

    def get_queryset(self, request):
        rows = super().get_queryset(request).select_related("dataset__skeleton", "environment", "owner")
        came_from_files = VoteImport.objects.filter(campaign=OuterRef("pk"), state=VoteImport.State.DONE)
        return home.with_progress(rows).annotate(has_vote_import=Exists(came_from_files))

    def has_change_permission(self, request, obj=None):
        """Once workers have seen it, a campaign stays as it was offered."""
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and (obj is None or (obj.is_draft and not obj.hits.exists()))

    def may_run(self, request, campaign) -> bool:
        """Merging, pausing and the like ask for the right to change campaigns, in whatever state it is."""
        return super().has_change_permission(request, campaign)

    @staticmethod
    def may_spend(request, campaign) -> bool:
        return rights.may_spend(request.user, campaign)

    @admin.display(description="tasks handed in", ordering="handed_in")
    def tasks_handed_in(self, campaign):
        return f"{campaign.handed_in:,} of {campaign.offered:,}" if campaign.offered else "–"

    @admin.display(description="spent", ordering="paid")
    def paid_usd(self, campaign):
        return f"${campaign.paid:,.2f}" if campaign.paid else "–"

    def get_changeform_initial_data(self, request):
        initial = super().get_changeform_initial_data(request)
        if "environment" not in initial and (only := Environment.objects.first()) is not None:
            initial["environment"] = only.pk
        if "name" not in initial and (dataset := self._asked_about(request, initial.get("dataset"))) is not None:
            initial["dataset"], initial["name"] = dataset.pk, self._free_name(dataset)
        return initial

    @staticmethod
    def _asked_about(request, said):
        """The data set that the address names, or the only one there is."""
        mine = Dataset.objects.open_to(request.user, Role.MANAGE)
        if said is not None:
            return mine.filter(pk=said).first() if str(said).isdecimal() else None
        first_two = list(mine[:2])
        return first_two[0] if len(first_two) == 1 else None

    @staticmethod
    def _free_name(dataset) -> str:
        """A name that no campaign has; a draft can be saved as it is."""
        stem = dataset.name[:80]
        taken = set(Campaign.objects.filter(name__startswith=stem).values_list("name", flat=True))
        return next(name for n in range(1, len(taken) + 2) if (name := f"{stem}, campaign {n}") not in taken)

    def save_model(self, request, obj, form, change):
        if not change:
            obj.owner = request.user
        super().save_model(request, obj, form, change)

    # --- pages ---

    def page(self, request, thing):
        thing.now = None if thing.is_draft else figures.progress(thing)
        context = {
            "may_run": self.may_run(request, thing), "may_share": sharing.may_share(request, thing),
            "wage": figures.wage(thing),
            "methods": merging.METHODS.items(),
            "publication": watch_row(self.admin_site, thing.publications.first()),
            "sections": self.admin_site.contributions("campaign", request, thing),
        }
        if thing.is_draft:
            price = publishing.price(thing)
            return context | {
                "price": price, "problem": self._problem(thing), "expected": expectations.expected(thing, price),
            }
        live = figures.live(thing, thing.now)
        merges_made = list(thing.merges.order_by("-pk")[:10])
        latest = next((merge for merge in merges_made if merge.is_done), None)
        return context | {
            "tiles": figures.tiles(live), "live": live, "live_url": self.url("live", thing.pk),
            "votes_url": self.url("votes", thing.pk),
            "worth_url": self.url("worth", thing.pk), "lean_url": self.url("lean", thing.pk) if thing.is_lean else "",
            "merges": [{"row": merge, "job": watch_row(self.admin_site, merge)} for merge in merges_made],
            "latest": latest,
            "releases": list(thing.releases.order_by("-pk")[:10]),
        }

    @staticmethod
    def _problem(campaign) -> str:
        try:
            publishing.check(campaign)
        except publishing.CannotPublish as error:
            return str(error)
        return ""

    @staticmethod
    def _remarks(campaign) -> list[dict]:
        """The last comments and problem reports that workers sent with their work."""
        rows = Assignment.objects.filter(hit__campaign=campaign, task__feedback__isnull=False)
        rows = rows.select_related("task", "worker__annotator").order_by("-pk")[:200]
        return [
            {"worker": row.worker, "problem": row.task.feedback.get("problem"), "comment": row.task.feedback.get("comment")}
            for row in rows
            if row.task.feedback.get("problem") or row.task.feedback.get("comment")
        ][:10]

    def live_view(self, request, campaign):
        ended = campaign.is_over and campaign.to_review == 0
        return JsonResponse({
            "figures": figures.live(campaign), "state": campaign.state, "ended": ended,
            "reload": request.GET.get("state", campaign.state) != campaign.state,
        })

    def worth_view(self, request, campaign):
        """A part of the campaign's page that takes a while to work out: fetched once the page is there, and again and again."""
        return render(request, "admin/crowd/campaign/worth.html", {"object": campaign, "worth": worth.section(campaign)})

    def lean_view(self, request, campaign):
        """Another part, of a lean campaign: where its votes went."""
        return render(request, "admin/crowd/campaign/lean.html", {"object": campaign, "lean": lean_figures.section(campaign)})

    def votes_view(self, request, campaign):
        """Another part: what the votes say of themselves, which takes a while where there are a million."""
        latest = campaign.merges.filter(state=Merge.State.DONE).order_by("-pk").first()
        workers, agreement_chart = figures.skills(latest) if latest else ([], None)
        votes = figures.vote_figures(campaign)
        charts = [
            figures.votes_over_time(campaign), figures.response_chart(votes) if votes["votes"] else None, agreement_chart,
        ]
        return render(request, "admin/crowd/campaign/votes.html", {
            "object": campaign, "votes": votes, "charts": [chart for chart in charts if chart], "latest": latest,
            "skills": workers, "gold": figures.gold_figures(campaign), "remarks": self._remarks(campaign),
            "habits": figures.habits(votes) if votes["votes"] else [],
        })

    def price_view(self, request):
        """The price of a campaign that is being filled in, or `error`: why it cannot be said yet."""
        form = self.get_form(request)(request.GET)
        form.is_valid()
        wanted = ["dataset", "votes_per_pair", "images_per_hit", "pairs_per_image", "reward_usd", "delay_ms"]
        if any(form.cleaned_data.get(name) is None for name in wanted):
            return JsonResponse({"error": "The price appears here once a data set is chosen and the numbers are filled in."})
        campaign = Campaign(**{name: form.cleaned_data[name] for name in [*wanted, "seed"] if name in form.cleaned_data})
        price, wage = publishing.price(campaign), figures.expected_wage(campaign)
        return JsonResponse({
            "n_pairs": price.n_pairs, "n_hits": price.n_hits, "n_votes": price.n_votes,
            "reward_usd": str(price.reward_usd), "fee_usd": str(price.fee_usd), "total_usd": str(price.total_usd),
            "wage_usd": str(wage["forecast_usd"]), "minutes": round(wage["forecast_s"] / 60, 1),
        })

    def finish_view(self, request, campaign):
        self._require(request, campaign)
        if request.method == "POST":
            try:
                life.finish(campaign, request.user)
            except publishing.CannotPublish as error:
                messages.error(request, str(error))
            else:
                self.log_change(request, campaign, "Finished.")
                messages.success(request, f"“{campaign}” is offered to nobody else. Work that has begun is still paid.")
            return redirect(self.url("change", campaign.pk))
        return self.render(
            request, "admin/crowd/campaign/finish.html", campaign, title=f"Finish {campaign}",
            progress=figures.progress(campaign),
        )

    def merge_view(self, request, campaign):
        self._require(request, campaign)
        if request.method != "POST":
            return redirect(self.url("change", campaign.pk))
        try:
            seed = int(request.POST.get("seed") or 0)
            merge = merging.start(campaign, request.user, method=request.POST.get("method", "nearer"), seed=seed)
        except ValueError as error:
            messages.error(request, str(error))
            return redirect(self.url("change", campaign.pk))
        self.log_change(request, campaign, f"Merged as number {merge.pk}.")
        return redirect("admin:crowd_merge_change", merge.pk)

    def collect_view(self, request, campaign):
        """Ask the marketplace now instead of at the next turn of the clock."""
        self._require(request, campaign)
        if request.method == "POST":
            with attempted(self, request, campaign, "collect"):
                reconciling.reconcile(campaign, everything=False)
                self.log_change(request, campaign, "Collected what was handed in.")
                messages.success(request, "Everything that was handed in has been collected.")
        return redirect(self.url("change", campaign.pk))

    def _require(self, request, campaign) -> None:
        if not self.may_run(request, campaign):
            raise PermissionDenied


@admin.register(Publication)
class PublicationAdmin(JobAdmin):
    belongs_to = "campaign"
    page_template = "admin/crowd/job.html"
    list_display = ["campaign", state_badge, "stage", "created_by", moment("created_at", "started")]
    list_select_related = ["campaign", "created_by"]

    def has_add_permission(self, request):
        return False
