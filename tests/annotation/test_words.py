"""The worker's words: every language has them all."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from annotation import lesson_words, lessons, skeletons, words
from annotation.models import ConsentText
from tests.crowd.offers import make_campaign, make_hit, visit

CROWDS_PAGES = ("hit", "preview", "about", "turned_away")
SAME = {"de": ["Zoom"], "es": ["No", "Zoom"]}  # the same word in both languages
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
        one, *many = (set(re.findall(r"%\(\w+\)s", text)) for text in source.split("msgid_plural"))
        for number, target in enumerate(targets):  # of a number, the first form is for one
            assert set(re.findall(r"%\(\w+\)s", target)) == (many[0] if many and number else one), entry


def test_the_shipped_tutorial_is_known_to_the_translators():
    assert sorted(example.explanation for example in lessons.shipped().examples) == sorted(lesson_words.EXPLANATIONS)


@pytest.mark.parametrize("language", ["de", "es"])
def test_every_sentence_of_the_workers_templates_is_translated(language):
    folder = Path(settings.BASE_DIR) / "templates"
    pages = [*folder.glob("annotation/*.html"), *(folder / "crowd" / f"{name}.html" for name in CROWDS_PAGES)]
    sentences = {sentence for page in pages for sentence in re.findall(r"{% translate ['\"](.+?)['\"] %}", page.read_text())}
    assert len(sentences) > 60
    with translation.override(language):
        assert sorted(sentence for sentence in sentences if translation.gettext(sentence) == sentence) == SAME[language]


@pytest.mark.parametrize("language", ["de", "es"])
def test_the_consent_text_that_ships_is_read_in_ones_own_language(client, db, language):
    def read(text: str) -> str:
        hit = make_hit(campaign=make_campaign(consent_text=text))
        return client.get(f"/task/{hit.token}/", visit(hit), headers={"accept-language": language}).content.decode()

    with translation.override("en"):  # a request leaves its language behind
        assert {"de": "unter einem Pseudonym", "es": "bajo un seudónimo"}[language] in read(words.CONSENT_TEXT)
        assert "Nous gardons vos réponses." in read("Nous gardons vos réponses.")
    assert ConsentText.objects.filter(text=words.CONSENT_TEXT).exists()


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
