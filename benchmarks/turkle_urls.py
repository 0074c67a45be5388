"""Addresses and server of the Turkle of `turkle_site`."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()  # before Turkle's views, which need the apps

from django.urls import include, path  # noqa: E402

urlpatterns = [path("accounts/", include("django.contrib.auth.urls")), path("", include("turkle.urls"))]
