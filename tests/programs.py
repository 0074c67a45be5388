"""People in a role, and programs that act for them."""

from django.contrib.auth.models import Group
from rest_framework.test import APIClient

from annotation.panel import roles
from tests.factories import make_user


def make_member(role: str):
    """Somebody with a role, "Viewer", "Reviewer" or "Manager", and nothing beyond it."""
    roles.ensure()
    user = make_user(is_superuser=False)
    user.groups.add(Group.objects.get(name=role))
    return user


def errors_of(answer) -> dict[str, list[str]]:
    """The sentences of a refusal by the field that they are about."""
    found = {}
    for error in answer.json()["errors"]:
        found.setdefault(error["field"], []).append(error["detail"])
    return found


def client_of(user) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client
