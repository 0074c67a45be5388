from django.apps import AppConfig


class CrowdConfig(AppConfig):
    name = "crowd"
    verbose_name = "Campaigns"

    def ready(self) -> None:
        from crowd import further_pairs

        further_pairs.register()
