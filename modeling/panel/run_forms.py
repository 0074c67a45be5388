"""The form that starts a training: what is usually changed as fields, the rest as JSON, all of it checked before it starts."""

import re

from django import forms

from modeling import training
from modeling.models import Run

PRESETS = {  # as the lifter knows them; `tests/modeling/test_run_forms.py` holds them to it
    "nearer": "Nearer's depth network",
    "thorough": "Nearer's, twice as long, people turned and mirrored: better, dearer",
    "paper": "The paper's network and losses, as written",
    "paper-code": "The paper's, as its released code does it",
    "supervised": "Nearer's network, taught by true 3D poses",
    "paper-supervised": "The paper's network, taught by true 3D poses (Eq. 1)",
}
TYPED = ("epochs", "width", "batch", "learning_rate", "dropout", "held_out", "patience")
MACHINE = ("precision", "device", "compile", "tensorboard")
FROM_DATA = "automatic"


def _number(kind, label: str, help_text: str, **limits):
    field = kind(label=label, required=False, help_text=help_text, **limits)
    field.widget.attrs["placeholder"] = FROM_DATA
    return field


class RunForm(forms.ModelForm):
    preset = forms.ChoiceField(
        label="Method", choices=list(PRESETS.items()), initial="nearer",
        help_text="The paper's, and those taught by 3D poses, are there to be compared with.",
    )
    epochs = _number(forms.IntegerField, "Epochs", "Passes through the people.", min_value=1)
    width = _number(forms.IntegerField, "Width", "Units of the network's layers.", min_value=1)
    batch = _number(forms.IntegerField, "Batch", "People at once.", min_value=2)
    learning_rate = _number(forms.FloatField, "Learning rate", "At the beginning; it falls to 0 by a cosine.", min_value=1e-9)
    dropout = _number(forms.FloatField, "Dropout", "Share, 0 to 0.95.", min_value=0, max_value=0.95)
    held_out = _number(
        forms.FloatField, "Held out", "Share of people kept out to choose the best epoch and to calibrate, 0 to 0.9.",
        min_value=0, max_value=0.9,
    )
    patience = forms.IntegerField(
        label="Patience", required=False, min_value=0,
        help_text="Stop after so many epochs without a better held-out loss. 0: never.",
    )
    precision = forms.ChoiceField(
        label="Precision", choices=[("float32", "32 bits"), ("bf16", "bfloat16, faster on a GPU")], required=False
    )
    device = forms.ChoiceField(
        label="Trained on", required=False,
        choices=[("auto", "a GPU where there is one"), ("cpu", "the processor"), ("cuda", "a GPU")],
    )
    compile = forms.BooleanField(
        label="Compile", required=False,
        help_text="torch.compile: pays for long trainings on a GPU; needs a C++ compiler there.",
    )
    tensorboard = forms.BooleanField(
        label="TensorBoard", required=False, help_text="Event files among the run's files, one point per epoch."
    )

    class Meta:
        model = Run
        fields = ["release", "note", "started_from", "seed", "settings"]
        labels = {"settings": "Further settings", "started_from": "Start from", "note": "Note"}
        help_texts = {
            "settings": 'As JSON, by the names in docs/lifting.md, for instance {"blur_mm": 400}. They win over the fields.',
            "started_from": "A run whose weights are taken over, with its network. Empty: from nothing.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "settings" in self.fields:
            self.fields["settings"].widget.attrs["rows"] = 4
        for name in ("started_from", "note", "seed", "settings"):
            if name in self.fields:
                self.fields[name].required = False

    def clean(self):
        cleaned = super().clean()
        if self.errors:
            return cleaned
        cleaned["settings"] = self._settings(cleaned)
        try:
            training.check_settings(cleaned["settings"])
        except training.CannotTrain as error:
            self.add_error(self._place_of(str(error)), str(error))
        if (origin := cleaned.get("started_from")) is not None and cleaned.get("release") is not None:
            try:
                training.check_origin(origin, cleaned["release"])
            except training.CannotTrain as error:
                self.add_error("started_from", str(error))
        return cleaned

    def _settings(self, cleaned: dict) -> dict:
        """What differs from the defaults."""
        from modeling import lifting

        further = cleaned.get("settings") or {}
        if not isinstance(further, dict):
            self.add_error("settings", 'Write names with values, for instance {"epochs": 60}.')
            return {}
        defaults = lifting.Config()
        typed = {name: cleaned.get(name) for name in (*TYPED, *MACHINE)}
        changed = {
            name: value for name, value in typed.items() if value not in (None, "") and value != getattr(defaults, name)
        }
        return lifting.PRESETS[cleaned["preset"]] | changed | further

    def _place_of(self, message: str) -> str:
        """The field that a message of the lifter speaks of; it begins with the setting's name."""
        name = re.match(r"\w+", message)
        return name[0] if name and name[0] in (*TYPED, *MACHINE) else "settings"


def initial_of(run: Run) -> dict:
    """The form's values that would repeat a run, as text for an address."""
    from modeling import lifting

    rest = dict(run.settings)
    preset = max(
        (name for name, some in lifting.PRESETS.items() if some.items() <= rest.items()),
        key=lambda name: len(lifting.PRESETS[name]),
    )
    for name in lifting.PRESETS[preset]:
        del rest[name]
    typed = {name: rest.pop(name) for name in (*TYPED, *MACHINE) if name in rest}
    values = {"release": run.release_id, "preset": preset, "seed": run.seed, "note": run.note, **typed}
    if run.started_from_id:
        values["started_from"] = run.started_from_id
    if rest:
        values["settings"] = rest
    return values
