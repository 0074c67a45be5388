"""The second step of logging in: a code from an app, or one of the recovery codes (django-otp checks them).

Somebody who has it switched on is not logged in by the password alone: nobody is ever half logged in.
"""

import math
from base64 import b32encode

import segno
from django.db import transaction
from django.utils import timezone
from django_otp import devices_for_user
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

RECOVERY_CODES = 10


class WrongCode(Exception):
    """The message says what to do now."""


def is_on(user) -> bool:
    return TOTPDevice.objects.filter(user=user, confirmed=True).exists()


def begun(user) -> TOTPDevice:
    """The app that is being set up: a key that counts for nothing until a code of it has been typed in."""
    device = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return device or TOTPDevice.objects.create(user=user, name="app", confirmed=False)


def picture(device: TOTPDevice) -> str:
    """The key as an SVG for the app's camera; dark on light whatever the page's colours."""
    code = segno.make(device.config_url, error="m")
    return code.svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)


def key(device: TOTPDevice) -> str:
    """The same for typing, in groups of four."""
    letters = b32encode(device.bin_key).decode()
    return " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))


@transaction.atomic
def switch_on(user, code: str) -> tuple[TOTPDevice, list[str]]:
    """The app, and the recovery codes, which are told now or never. Raises: WrongCode."""
    device = begun(user)
    if not device.verify_token(_plain(code)):
        raise WrongCode("This code does not fit. Type the newest one that the app shows; is its device's clock right?")
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    return device, new_codes(user)


@transaction.atomic
def new_codes(user) -> list[str]:
    """Ten codes for the day on which the phone is lost, each good once; older ones are good for nothing any more."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery codes")
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=code) for code in codes)
    return codes


def codes_left(user) -> int:
    return StaticToken.objects.filter(device__user=user).count()


@transaction.atomic
def switch_off(user) -> None:
    for device in [*devices_for_user(user, confirmed=None)]:
        device.delete()


def check(user, code: str):
    """The device that the code is of: six digits are the app's, anything else a recovery code. Raises: WrongCode."""
    code = _plain(code)
    model = TOTPDevice if code.isdecimal() else StaticDevice
    problem = None
    with transaction.atomic():  # two requests with the same code take turns
        device = model.objects.select_for_update().filter(user=user, confirmed=True).first()
        if device is None:
            problem = "This code does not fit."
        elif not (allowed := device.verify_is_allowed())[0]:
            problem = _wait(allowed[1])
        elif not device.verify_token(code):
            problem = (
                "This code does not fit. Type the newest one that the app shows, or a recovery code that you have not used yet."
            )
    if problem:
        raise WrongCode(problem)
    return device


def _wait(why: dict) -> str:
    until = why.get("locked_until")
    seconds = math.ceil((until - timezone.now()).total_seconds()) if until else 1
    return f"Too many wrong codes. Try again in {max(seconds, 1)} seconds, or ask an administrator to reset your second step."


def _plain(code: str) -> str:
    return "".join(code.split()).lower()
