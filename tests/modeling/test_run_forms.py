"""The form's words are the lifter's."""

import dataclasses

from modeling import lifting
from modeling.panel import run_forms


def test_the_forms_methods_are_the_lifters_presets():
    assert list(run_forms.PRESETS) == list(lifting.PRESETS)


def test_every_field_is_a_setting():
    known = {field.name for field in dataclasses.fields(lifting.Config)}
    assert known.issuperset(run_forms.TYPED + run_forms.MACHINE)
