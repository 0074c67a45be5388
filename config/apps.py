from django.contrib.admin.apps import AdminConfig


class PanelConfig(AdminConfig):
    """Django's admin, with Nearer's home page and name."""

    default_site = "config.panel.PanelSite"
