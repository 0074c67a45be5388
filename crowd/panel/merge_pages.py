"""Merges, and the review of what they doubt."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect
from django.urls import path

from access.sharing import Role
from annotation.panel.drawings import drawing
from annotation.panel.pages import JobAdmin, moment, state_badge
from crowd import merging
from crowd.models import Merge
from crowd.panel import analysis, merges, release_pages, reviewing
from crowd.panel.campaigns import kept_for_good


@admin.register(Merge)
class MergeAdmin(JobAdmin):
    belongs_to = "campaign"
    page_template = "admin/crowd/merge/page.html"
    list_display = ["__str__", "method", state_badge, "n_votes", "accuracy", "created_by", moment("created_at", "started")]
    list_filter = ["state", "method"]

    def has_add_permission(self, request):
        return False  # a merge is started on its campaign's page

    def pages(self):
        return super().pages() | {
            "release": self.release_view, "review": self.review_view, "analysis": self.analysis_view,
            "difficulty": self.difficulty_view,
        }

    def get_urls(self):
        view = self.admin_site.admin_view(self.newest_review_view)
        return [path("review/", view, name="review"), *super().get_urls()]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("campaign__dataset__skeleton", "created_by")

    @admin.display(description="votes")
    def n_votes(self, merge):
        return f"{merge.figures['votes']:,}" if "votes" in merge.figures else "–"

    @admin.display(description="right")
    def accuracy(self, merge):
        share = merge.figures.get("accuracy_merged")
        return f"{100 * share:.1f} %" if share is not None else "–"

    def page(self, request, thing):
        context = super().page(request, thing)
        if not thing.is_done:
            return context
        skills = thing.skills.order_by("-n_votes")
        charts = [
            merges.gap_chart(thing), *kept_for_good(f"panel:merge:{thing.pk}", lambda: merges.table_charts(thing)),
            merges.agreement_chart(list(skills.values_list("agreement", flat=True))),
        ]
        return context | {
            "tiles": merges.tiles(thing), "charts": [chart for chart in charts if chart],
            "method_title": merging.METHODS.get(thing.method, thing.method),
            "skills": list(skills.select_related("annotator__worker")[:100]), "n_skills": skills.count(),
            "releases": list(thing.releases.all()),
            "settings": sorted(thing.figures.get("settings", {}).items()),
        }

    def newest_review_view(self, request):
        """Wherever the menu's entry leads: the review of the newest merge."""
        newest = self.get_queryset(request).filter(state=Merge.State.DONE).order_by("-pk").first()
        if newest is None:
            messages.info(request, "There is nothing to review before votes have been merged.")
            return redirect("admin:crowd_campaign_changelist")
        return redirect(self.url("review", newest.pk))

    def review_view(self, request, merge):
        """The pairs this merge is least sure of; an expert's answer becomes gold for later merges."""
        may_answer = request.user.has_perm("annotation.change_pair") and self.allows(request, merge, Role.REVIEW)
        if request.method == "POST":
            if not may_answer:
                raise PermissionDenied
            row = merge.consensuses.filter(pair=request.POST.get("pair") or None).select_related("pair").first()
            word = request.POST.get("answer")
            if row is None or word not in reviewing.ANSWERS:
                raise Http404("There is no such pair in this merge, or no such answer.")
            reviewing.answer(row.pair, word)
            self.log_change(request, merge, f"An expert's answer to pair {row.pair_id}: {word}.")
            return redirect(request.get_full_path() + f"#pair-{row.pair_id}")
        others = self.get_queryset(request).filter(state=Merge.State.DONE).order_by("-pk")[:20]
        return self.render(
            request, "admin/crowd/merge/review.html", merge, title="Review", may_answer=may_answer, others=others,
            **reviewing.doubtful(merge, request),
        )

    def analysis_view(self, request, merge):
        if not merge.is_done:
            return redirect(self.url("change", merge.pk))
        found = analysis.figures(merge)
        gap = merges.gap_chart(merge)
        return self.render(
            request, "admin/crowd/merge/analysis.html", merge, title="Analysis", against=found["against"], lean=found["lean"],
            charts=[*([gap] if gap else []), *found["charts"]],
            hardest=self._drawn(merge, analysis.by_difficulty(found, per_page=analysis.HARDEST)),
        )

    def difficulty_view(self, request, merge):
        """All images, in order of how often votes on them are right."""
        if not merge.is_done:
            return redirect(self.url("change", merge.pk))
        order = request.GET.get("show", "")
        order = order if order in analysis.ORDERS else "hardest"
        found = analysis.figures(merge)
        page = analysis.by_difficulty(found, order, request.GET.get("page"))
        return self.render(
            request, "admin/crowd/merge/difficulty.html", merge, title="Images by difficulty", against=found["against"],
            images_page=page, images=self._drawn(merge, page),
            shows=[{"slug": slug, "title": title, "here": slug == order} for slug, title in analysis.ORDERS.items()],
        )

    @staticmethod
    def _drawn(merge, page) -> list[dict]:
        skeleton = merge.campaign.dataset.skeleton
        return [one | {"drawing": drawing(one["person"], skeleton)} for one in page.object_list]

    def release_view(self, request, merge):
        return release_pages.make(self, request, merge)
