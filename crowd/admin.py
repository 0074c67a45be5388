"""Campaigns, what they cost, and what the answers amount to, in the researcher's panel."""

from django.contrib import admin

from crowd.panel import (
    campaign_pages,
    home,
    ledger_pages,
    merge_pages,
    people,
    release_pages,
    vote_import_pages,
    ways_environments,
    ways_figures,
    worker_pages,
)

# Importing them registers their pages.
__all__ = [
    "campaign_pages", "ledger_pages", "merge_pages", "release_pages", "vote_import_pages", "ways_environments", "worker_pages",
]


@admin.site.contributes("home")
def campaigns_on_the_home_page(request, _):
    return home.overview(request)


@admin.site.contributes("dataset")
def campaigns_of_a_dataset(request, dataset):
    return people.campaigns_of(dataset, request.user)


@admin.site.contributes("gallery")
def doubts_about_people(request, dataset):
    return people.doubts(dataset, request.user)


@admin.site.contributes("person")
def consensus_of_a_person(request, person):
    return people.consensus_of(person, request.user)


@admin.site.contributes("campaign")
def people_of_a_campaign(request, campaign):
    return ways_figures.section(campaign)


@admin.site.contributes("trail")
def what_others_did_with_ones_campaigns(request, _):
    return people.of_ones_campaigns(request.user)
