"""Forms of the pages about invitations."""

from email.utils import parseaddr

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

MOST = 200
LONGEST_NAME = 100


class InviteForm(forms.Form):
    people = forms.CharField(
        label="Whom", strip=True,
        widget=forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField", "placeholder": "Ada Lovelace <ada@example.org>"}),
        help_text="One person a line: a name, an e-mail address, or both as “Ada Lovelace <ada@example.org>”. "
        "The same address is the same person in all campaigns.",
    )
    send = forms.BooleanField(label="Send each the link by e-mail", required=False)

    def clean_people(self) -> list[tuple[str, str]]:
        """Name and address of each line; a name is made of the address where there is none."""
        found = []
        for number, line in enumerate(self.cleaned_data["people"].splitlines(), start=1):
            if line.strip():
                found.append(_person(line.strip(), number))
        if len(found) > MOST:
            raise ValidationError(f"At most {MOST} people at once; these are {len(found)}.")
        return found


def _person(line: str, number: int) -> tuple[str, str]:
    name, email = parseaddr(line) if "@" in line else (line, "")
    if "@" in line:
        try:
            validate_email(email)
        except ValidationError as error:
            raise ValidationError(f"Line {number}: “{line}” holds no e-mail address that could be right.") from error
    name = name.strip() or email.split("@")[0]
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise ValidationError(f"Line {number}: a name has at most {LONGEST_NAME} letters.")
    return name, email
