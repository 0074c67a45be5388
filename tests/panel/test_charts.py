"""Charts are taken away as they are drawn, as SVG, PNG and CSV; the camera's lean is on the page of who has ground truth."""

import xml.etree.ElementTree as Tree

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from tests.panel.test_accessibility import barriers

pytestmark = pytest.mark.django_db(transaction=True)
SVG = "{http://www.w3.org/2000/svg}"


def taken(panel, chart, kind: str) -> bytes:
    with panel.expect_download() as download:
        chart.get_by_role("button", name=kind).click()
    assert download.value.suggested_filename.endswith(f".{kind.lower()}")
    return download.value.path().read_bytes()


def test_the_analysis_shows_the_lean_and_every_chart_is_taken_away_as_svg_png_and_csv(
    open_page, log_in, site, finished, screenshot
):
    campaign, merge = finished["campaign"], finished["merge"]
    campaign.dataset.images.update(up=[0, -0.9, -0.43589])
    cache.clear()  # what an earlier page of a merge with this number left
    panel = log_in(open_page(color_scheme="light", reduced_motion="reduce"))
    panel.goto(f"{site}/panel/crowd/merge/{merge.pk}/analysis/")
    expect(panel.get_by_role("heading", name="The camera's lean")).to_be_visible()
    expect(panel.get_by_text("25.8° (median)")).to_be_visible()
    chart = panel.locator("[data-chart=lean-by-gap]")
    drawing = Tree.fromstring(taken(panel, chart, "SVG"))
    words = [text.text for text in drawing.iter(f"{SVG}text")]
    assert "As a level camera" in words and "depth gap in cm" in words and "100 %" in words
    lines = [path.get("d") for path in drawing.iter(f"{SVG}path") if path.get("stroke") and path.get("fill") == "none"]
    assert any(line.count("L") >= 1 for line in lines)
    assert taken(panel, chart, "PNG").startswith(b"\x89PNG")
    assert taken(panel, chart, "CSV").decode().startswith("Gap in cm,As the camera sees,As a level camera,Votes")
    screenshot(panel, "analysis", full_page=True)
    assert barriers(panel) == []
    panel.get_by_role("link", name="All, by difficulty").click()
    expect(panel.locator(".gallery li")).to_have_count(3)
    panel.get_by_role("link", name="Easiest first").click()
    expect(panel.locator(".gallery .said").first).to_contain_text("3. ")
    assert barriers(panel) == []
    panel.set_viewport_size({"width": 768, "height": 900})
    panel.emulate_media(color_scheme="dark")
    assert panel.evaluate("document.documentElement.scrollWidth <= innerWidth")
    screenshot(panel, "difficulty", full_page=True)
