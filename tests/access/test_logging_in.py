"""Who guesses passwords waits and is told how long; who does nothing is logged out."""

from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from access import tasks, visitors
from tests import factories

pytestmark = pytest.mark.django_db
RIGHT, WRONG = "correct horse", "battery staple"


@pytest.fixture
def ada():
    return factories.make_user(username="ada", password=RIGHT)


def log_in(client, password: str, username: str = "ada", **headers):
    return client.post(reverse("admin:login"), {"username": username, "password": password, "next": "/panel/"}, **headers)


def guess(client, times: int = 5, **headers):
    for _ in range(times):
        answer = log_in(client, WRONG, **headers)
    return answer


def test_who_guesses_has_to_wait_and_is_told_how_long_and_what_helps(client, ada):
    assert log_in(client, WRONG).status_code == 200
    told = guess(client, 4)
    assert told.status_code == 429
    assert "in <strong>15 minutes</strong>" in told.content.decode()
    assert "an administrator can let you in again" in told.content.decode()
    assert 890 <= int(told["Retry-After"]) <= 900
    assert log_in(client, RIGHT).status_code == 429, "even the right password waits"
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        assert "in <strong>5 minutes</strong>" in log_in(client, RIGHT).content.decode(), "further attempts lengthen nothing"
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert log_in(client, RIGHT).status_code == 302


def test_a_colleague_at_the_same_address_and_oneself_elsewhere_are_let_in(client, ada):
    factories.make_user(username="grace", password=RIGHT)
    guess(client)
    assert log_in(client, RIGHT, "grace").status_code == 302
    client.logout()
    assert log_in(client, RIGHT, REMOTE_ADDR="10.0.0.7").status_code == 302


def test_a_right_password_forgets_the_wrong_ones_before_it(client, ada):
    guess(client, 4)
    log_in(client, RIGHT)
    client.logout()
    assert guess(client, 4).status_code == 200


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(client, ada, settings):
    guess(client, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.5")
    assert log_in(client, RIGHT, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.6").status_code == 429, (
        "without a proxy nobody is believed what he says of himself"
    )
    AccessAttempt.objects.all().delete()
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # what BEHIND_PROXY sets
    proxy = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_PROTO": "https"}
    guess(client, HTTP_X_FORWARDED_FOR="203.0.113.5", **proxy)
    assert AccessAttempt.objects.get().ip_address == "203.0.113.5"
    claimed = "198.51.100.9, 203.0.113.5"
    assert log_in(client, RIGHT, HTTP_X_FORWARDED_FOR=claimed, **proxy).status_code == 429
    assert log_in(client, RIGHT, HTTP_X_FORWARDED_FOR="203.0.113.6", **proxy).status_code == 302


@pytest.mark.parametrize("forwarded", ["unknown", "", "203.0.113.5:4431", "<script>"])
def test_what_is_no_address_is_not_taken_for_one(settings, forwarded):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert visitors.address(request) == "10.0.0.1"


def test_no_password_is_kept_of_a_failed_attempt(client, ada):
    guess(client, 1)
    assert WRONG not in str(AccessAttempt.objects.values().get())


def test_an_administrator_lets_a_colleague_in_again_and_it_is_written_down(client, admin_client, admin_user, ada):
    guess(client)
    page = reverse("admin:auth_user_signing_in", args=[ada.pk])
    assert "5 times lately" in admin_client.get(page).content.decode()
    admin_client.post(page, {"act": "let_in"})
    assert log_in(client, RIGHT).status_code == 302
    trail = admin_client.get(reverse("admin:admin_logentry_changelist")).content.decode()
    assert "Let in again" in trail


def test_only_who_may_change_users_lets_in(client, ada):
    client.force_login(factories.make_user(is_superuser=False))
    assert client.post(reverse("admin:auth_user_signing_in", args=[ada.pk]), {"act": "let_in"}).status_code == 403


def test_who_does_nothing_for_two_hours_is_logged_out_and_told_why(client, ada):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        log_in(client, RIGHT)
        assert client.get("/panel/").status_code == 200
    with time_machine.travel(now + timedelta(minutes=110), tick=False):
        assert client.get("/panel/", headers={"Accept": "text/html"}).status_code == 200
    with time_machine.travel(now + timedelta(minutes=220), tick=False):
        assert client.get("/panel/", headers={"Accept": "application/json"}).status_code == 200, "the last act was not long ago"
    with time_machine.travel(now + timedelta(minutes=240), tick=False):
        answer = client.get("/panel/", follow=True)
        assert answer.redirect_chain[0][0].startswith(reverse("admin:login")), "news asked for by a page is no act"
        assert "Nothing was done for 120 minutes" in answer.content.decode()


def test_after_twelve_hours_even_the_busy_log_in_again(client, ada):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        log_in(client, RIGHT)
    for hours in range(13):
        with time_machine.travel(now + timedelta(hours=hours), tick=False):
            assert client.get("/panel/", headers={"Accept": "text/html"}).status_code == 200
    with time_machine.travel(now + timedelta(hours=12, minutes=5), tick=False):
        assert client.get("/panel/").status_code == 302


def test_sessions_that_are_over_and_old_failures_are_forgotten_by_the_clock(client, ada):
    guess(client, 1)
    log_in(client, RIGHT, REMOTE_ADDR="10.0.0.9")
    assert (Session.objects.count(), AccessAttempt.objects.count()) == (1, 1)
    tasks.tidy()
    assert (Session.objects.count(), AccessAttempt.objects.count()) == (1, 1)
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        tasks.tidy()
    assert (Session.objects.count(), AccessAttempt.objects.count()) == (0, 0)
