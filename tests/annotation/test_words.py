"""The worker's words: every language has them all."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from annotation import lesson_words, lessons, skeletons, words

CATALOGUES = sorted(Path(settings.BASE_DIR).glob("locale/*/LC_MESSAGES/django.po"))


def test_there_are_two_translations_as_proof():
    assert [file.parts[-3] for file in CATALOGUES] == ["de", "es"]


@pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.parts[-3])
def test_no_sentence_is_left_untranslated_or_unsure(file):
    text = file.read_text()
    assert "fuzzy" not in text
    assert not re.search(r'msgstr(\[\d\])? ""\n\n', text)


@pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.parts[-3])
def test_translations_keep_every_placeholder(file):
    for entry in file.read_text().split("\n\n")[1:]:
        source, *targets = re.split(r"^msgstr", entry, flags=re.MULTILINE)
        wanted = set(re.findall(r"%\(\w+\)s", source))
        assert all(set(re.findall(r"%\(\w+\)s", target)) == wanted for target in targets), entry


def test_the_shipped_tutorial_is_known_to_the_translators():
    assert sorted(example.explanation for example in lessons.shipped().examples) == sorted(lesson_words.EXPLANATIONS)


def test_every_joint_of_the_shipped_skeletons_has_a_name_in_each_language():
    names = {name for file in skeletons.SHIPPED.values() for name in json.loads(file.read_text())["joints"]}
    for language in ("de", "es"):
        with translation.override(language):
            assert all(words.joint(name).lower() != name or name == "pelvis" for name in names)


def test_a_number_takes_the_right_plural():
    with translation.override("de"):
        assert words.for_page(3)["to_go"] == ["noch 0 Vergleiche", "noch 1 Vergleich", "noch 2 Vergleiche", "noch 3 Vergleiche"]


def test_a_joint_that_nobody_knows_keeps_its_name():
    assert words.joint("tail tip") == "Tail tip"
