from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    name = "crowd.marketplace"
    label = "marketplace"
    verbose_name = "Marketplace"
