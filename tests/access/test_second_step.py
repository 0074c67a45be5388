"""A code after the password: switched on by its owner, asked for at the door, and where the site says so before spending."""

import re
import time

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from access import second_step, spending
from access.models import Token
from tests import factories
from tests.access.test_tokens import make_token

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"


def code_of(user, *, steps_later: int = 0) -> str:
    """What the app shows, or will show in so many half minutes."""
    device = TOTPDevice.objects.get(user=user)
    return f"{totp(device.bin_key, t0=-30 * steps_later):06d}"


@pytest.fixture(autouse=True)
def _same_half_minute():
    """The clock stands still, so that a code is not over before it is typed."""
    with time_machine.travel(time.time(), tick=False):
        yield


@pytest.fixture
def ada(client):
    user = factories.make_user(username="ada", password=PASSWORD)
    client.force_login(user)
    return user


@pytest.fixture
def with_codes(client, ada) -> list[str]:
    """Ada has switched it on and is logged out; her recovery codes."""
    client.get(reverse("admin:two_step"))
    page = client.post(reverse("admin:two_step"), {"act": "on", "code": code_of(ada)}, follow=True).content.decode()
    client.post(reverse("admin:logout"))
    return re.findall(r"<li><code>(\w+)</code></li>", page)


def password_typed(client, **fields):
    return client.post(reverse("admin:login"), {"username": "ada", "password": PASSWORD, **fields}, follow=True)


def code_typed(client, code: str):
    return client.post(reverse("admin:second_step"), {"code": code})


def is_inside(client) -> bool:
    return client.get(reverse("admin:index")).status_code == 200


def test_the_key_counts_for_nothing_until_a_code_of_it_was_typed(client, ada):
    page = client.get(reverse("admin:two_step")).content.decode()
    assert "<svg" in page
    assert second_step.key(second_step.begun(ada)) in page
    assert not second_step.is_on(ada)
    answer = client.post(reverse("admin:two_step"), {"act": "on", "code": "000000"})
    assert "This code does not fit" in answer.content.decode()
    assert not second_step.is_on(ada)


def test_recovery_codes_are_shown_once(client, ada):
    client.get(reverse("admin:two_step"))
    page = client.post(reverse("admin:two_step"), {"act": "on", "code": code_of(ada)}, follow=True).content.decode()
    codes = re.findall(r"<li><code>(\w+)</code></li>", page)
    assert len(set(codes)) == 10
    assert all(code not in client.get(reverse("admin:two_step")).content.decode() for code in codes)


def test_the_password_alone_opens_nothing_any_more(client, ada, with_codes):
    page = password_typed(client)
    assert "One more step" in page.content.decode()
    assert not is_inside(client)
    assert client.get("/api/v1/datasets/").status_code in (401, 403)
    assert "does not fit" in code_typed(client, "123456").content.decode()
    assert not is_inside(client)


def test_a_code_opens_the_page_that_was_asked_for_and_is_good_once(client, ada, with_codes):
    wanted = reverse("admin:crowd_campaign_changelist")
    password_typed(client, next=wanted)
    code = code_of(ada, steps_later=1)
    assert code_typed(client, code)["Location"] == wanted
    assert is_inside(client)
    client.post(reverse("admin:logout"))
    password_typed(client)
    assert code_typed(client, code).status_code == 200
    assert not is_inside(client)


def test_a_recovery_code_opens_once_and_says_how_many_are_left(client, ada, with_codes):
    password_typed(client)
    assert code_typed(client, f" {with_codes[0].upper()} ").status_code == 302
    assert "9 are left" in client.get(reverse("admin:index")).content.decode()
    client.post(reverse("admin:logout"))
    password_typed(client)
    assert code_typed(client, with_codes[0]).status_code == 200


def test_who_guesses_codes_waits_and_is_told_how_long(client, ada, with_codes):
    password_typed(client)
    for _ in range(3):
        code_typed(client, "123456")
    told = code_typed(client, code_of(ada, steps_later=1)).content.decode()
    assert re.search(r"Too many wrong codes. Try again in \d+ second", told)
    assert not is_inside(client)


def test_the_password_is_forgotten_after_ten_minutes_without_a_code(client, ada, with_codes):
    password_typed(client)
    with time_machine.travel(time.time() + 700):
        assert code_typed(client, code_of(ada))["Location"] == reverse("admin:login")


def test_it_does_not_lead_to_another_site(client, ada, with_codes):
    password_typed(client, next="https://evil.example/")
    assert code_typed(client, code_of(ada, steps_later=1))["Location"] == reverse("admin:index")


def test_switching_off_and_new_codes_ask_for_the_password(client, ada, with_codes):
    password_typed(client)
    code_typed(client, with_codes[0])
    page = reverse("admin:two_step")
    for act in ("off", "codes"):
        assert "This is not your password" in client.post(page, {"act": act, "password": "guess"}).content.decode()
    assert second_step.is_on(ada)
    fresh = client.post(page, {"act": "codes", "password": PASSWORD}, follow=True).content.decode()
    assert with_codes[1] not in fresh
    assert second_step.codes_left(ada) == 10
    client.post(page, {"act": "off", "password": PASSWORD})
    assert not second_step.is_on(ada)
    said = list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))
    assert said == ["Switched on two-step sign-in.", "Made new recovery codes.", "Switched off two-step sign-in."]


def test_an_administrator_resets_it_for_a_colleague_who_lost_the_phone(client, ada, with_codes, admin_client):
    page = reverse("admin:auth_user_signing_in", args=[ada.pk])
    assert "10 recovery codes left" in admin_client.get(page).content.decode()
    admin_client.post(page, {"act": "reset"})
    password_typed(client)
    assert is_inside(client)
    assert "Two-step sign-in reset" in str(LogEntry.objects.filter(object_id=ada.pk).values_list("change_message", flat=True))


def test_nobody_reads_a_colleagues_key_in_the_panel(admin_client, ada):
    assert admin_client.get("/panel/otp_totp/totpdevice/").status_code == 404
    assert admin_client.get("/panel/otp_static/staticdevice/").status_code == 404


# --- Where spending asks for it ----------------------------------------------------------------------


@pytest.fixture
def strict(settings):
    settings.TWO_STEP_TO_SPEND = True


def spending_acts(campaign) -> list[tuple[str, dict]]:
    """Address and form of every act of the panel that spends."""
    task = campaign.hits.get().assignments.first()

    def page(name: str, *args) -> str:
        return reverse(f"admin:crowd_{name}", args=args)

    return [
        (page("campaign_launch", campaign.pk), {}),
        *((page("campaign_change-offer", campaign.pk), {"act": act}) for act in ("resume", "time", "votes", "budget")),
        *((page("campaign_work", campaign.pk), {"act": act, "assignment": task.pk}) for act in ("approve", "compensate")),
        *((page("campaign_wages", campaign.pk), {"act": act}) for act in ("floor", "top-up", "again")),
        (page("assignment_approve", task.pk), {}),
        *((page("assignment_decide", task.pk), {"act": act}) for act in ("reject", "override", "compensate", "bonus")),
    ]


def test_without_it_no_act_that_spends_is_done_and_the_remedy_is_named(client, ada, strict):
    campaign = factories.make_campaign(owner=ada, state="collecting")
    factories.make_assignment(hit=factories.make_hit(campaign=campaign), state="submitted")
    for url, form in spending_acts(campaign):
        answer = client.post(url, form)
        assert (answer.status_code, "Switch it on under" in answer.content.decode()) == (403, True), (url, form)
    assert client.post(reverse("admin:crowd_campaign_change-offer", args=[campaign.pk]), {"act": "pause"}).status_code == 302, (
        "what stops spending is never in the way"
    )


def test_who_has_switched_it_on_spends_at_once(client, ada, strict):
    campaign = factories.make_campaign(owner=ada, state="collecting")
    budget = reverse("admin:crowd_campaign_change-offer", args=[campaign.pk]), {"act": "budget", "budget": "12.50"}
    assert client.post(*budget).status_code == 403
    client.get(reverse("admin:two_step"))
    client.post(reverse("admin:two_step"), {"act": "on", "code": code_of(ada)})
    assert client.post(*budget).status_code == 302
    campaign.refresh_from_db()
    assert str(campaign.budget_usd) == "12.50"


def test_a_session_from_before_it_was_switched_on_is_told_to_log_in_again(client, ada, strict, with_codes):
    client.force_login(ada)
    campaign = factories.make_campaign(owner=ada, state="collecting")
    answer = client.post(reverse("admin:crowd_campaign_change-offer", args=[campaign.pk]), {"act": "resume"})
    assert spending.LOG_IN_AGAIN in answer.content.decode()


def test_a_token_that_spends_is_made_and_used_only_with_it(client, ada, strict):
    form = {"name": "nightly", "scopes": ["read", "spend"], "days": 9}
    assert "Switch it on under" in client.post(reverse("admin:access_token_add"), form).content.decode()
    assert not Token.objects.exists()
    client.get(reverse("admin:two_step"))
    client.post(reverse("admin:two_step"), {"act": "on", "code": code_of(ada)})
    client.post(reverse("admin:access_token_add"), form)
    assert Token.objects.get().two_step


def test_the_programming_interface_refuses_to_spend_for_tokens_and_sessions_without_it(client, ada, strict):
    campaign = factories.make_campaign(owner=ada, state="collecting")
    url = f"/api/v1/campaigns/{campaign.pk}/budget/"
    refused = client.post(url, {"budget_usd": "9.00"}, content_type="application/json")
    assert (refused.status_code, refused.json()["detail"]) == (403, spending.SWITCH_ON)
    _, program = make_token(ada, "read", "spend")
    refused = program.post(url, {"budget_usd": "9.00"}, format="json")
    assert (refused.status_code, refused.json()["detail"]) == (403, spending.MAKE_ANOTHER)
    assert program.get(f"/api/v1/campaigns/{campaign.pk}/").status_code == 200, "reading spends nothing"
    Token.objects.update(two_step=True)
    assert program.post(url, {"budget_usd": "9.00"}, format="json").status_code == 200
