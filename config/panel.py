"""The researcher's panel is Django's admin site under Nearer's name."""

from django.contrib import admin


class PanelSite(admin.AdminSite):
    site_header = "Nearer"
    site_title = "Nearer"
    index_title = "Overview"
