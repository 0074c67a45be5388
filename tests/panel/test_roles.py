"""Roles get what later versions add, and keep what somebody has given to them or taken from them."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db.models.signals import post_migrate

from access.models import RoleOffer
from annotation.panel import roles

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> Group:
    Group.objects.all().delete()
    roles.ensure()
    return Group.objects.get(name="Manager")


def right(codename: str) -> Permission:
    return Permission.objects.get(codename=codename, content_type__app_label="crowd")


def migrate() -> None:
    """What Django says once all migrations of an app are done."""
    app = apps.get_app_config("modeling")
    post_migrate.send(sender=app, app_config=app, verbosity=0, interactive=False, using="default", plan=[], apps=apps)


def test_a_role_that_exists_gets_a_right_that_a_later_version_brings(manager, monkeypatch):
    assert not manager.permissions.filter(codename="add_hit").exists()
    monkeypatch.setattr(roles, "MANAGING", roles.MANAGING | {"add_hit"})
    migrate()
    assert manager.permissions.filter(codename="add_hit").exists()


def test_what_was_taken_from_a_role_is_not_given_again(manager):
    manager.permissions.remove(right("change_campaign"))
    migrate()
    assert not manager.permissions.filter(codename="change_campaign").exists()


def test_what_was_given_to_a_role_beyond_its_own_stays(manager):
    manager.permissions.add(right("delete_merge"))
    migrate()
    assert manager.permissions.filter(codename="delete_merge").exists()


def test_a_role_from_before_rights_were_noted_gets_the_newer_ones_and_stays_cut_down(manager):
    RoleOffer.objects.all().delete()
    newest = manager.permissions.order_by("-pk").first()
    manager.permissions.remove(newest, right("change_campaign"))  # the one is new to it, the other was taken away
    migrate()
    held = set(manager.permissions.values_list("codename", flat=True))
    assert newest.codename in held
    assert "change_campaign" not in held


def test_a_role_that_somebody_has_emptied_stays_empty(manager):
    RoleOffer.objects.all().delete()
    manager.permissions.clear()
    migrate()
    migrate()
    assert manager.permissions.count() == 0


def test_a_role_that_was_deleted_is_made_again_whole(manager):
    before = manager.permissions.count()
    manager.delete()
    roles.ensure()
    assert Group.objects.get(name="Manager").permissions.count() == before
