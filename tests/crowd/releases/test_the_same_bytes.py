"""What makes a release the same is in its settings, and nothing of the process that writes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crowd.releases.make import make_known_campaign
from tests.workers import ROOT, database_url

PROGRAM = """
import sys
from pathlib import Path
import django
django.setup()
from crowd import merging, releasing
from crowd.models import Campaign
from jobs import running

campaign = Campaign.objects.get(name="known")
merge = running.execute(merging.start(campaign, campaign.owner, seed=3))
release = running.execute(releasing.start(merge, campaign.owner, name="known", pseudonym_key="5eed" * 16))
for name in release.files:
    with releasing.open_file(release, name) as file:
        Path(sys.argv[1], name).write_bytes(file.read())
release.delete()
"""


@pytest.mark.once
def test_other_processes_with_other_hashes_clocks_and_languages_write_the_same_bytes(transactional_db, tmp_path, settings):
    """Merged and released from the beginning in each of them."""
    make_known_campaign()
    worlds = ({"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}, {"PYTHONHASHSEED": "77", "TZ": "America/Lima", "LC_ALL": "C"})
    found = []
    for number, world in enumerate(worlds):
        place = tmp_path / str(number)
        place.mkdir()
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": database_url(), "NEARER_VAR": str(tmp_path / "var"),
            "ENV_FILE": os.devnull, "SECRET_KEY": settings.SECRET_KEY, "OMP_NUM_THREADS": "1", **world,
        }
        subprocess.run([sys.executable, "-c", PROGRAM, str(place)], env=environment, cwd=ROOT, check=True)
        found.append({file.name: file.read_bytes() for file in Path(place).iterdir()})
    first, second = found
    assert [name for name in first if first[name] != second.get(name)] == [] and len(first) == len(second) == 13
