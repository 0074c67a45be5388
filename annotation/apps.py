from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AnnotationConfig(AppConfig):
    name = "annotation"
    verbose_name = "Data sets"

    def ready(self) -> None:
        from annotation.panel import roles

        post_migrate.connect(roles.sync, dispatch_uid="roles")
