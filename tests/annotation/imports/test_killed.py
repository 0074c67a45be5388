"""A worker process that imports is killed with SIGKILL; the next one goes on behind the last batch."""

import json
import threading

import pytest

from annotation.models import Dataset, Image, Import, Pair, Person
from jobs import running
from tests.annotation.importers import makers
from tests.annotation.sources.servers import Files, serving
from tests.factories import make_user

N = 260  # images: a batch of 200, and a part of a second


@pytest.mark.once
def test_an_import_whose_worker_is_killed_goes_on_behind_the_last_batch_and_stores_nothing_twice(
    start_worker, tmp_path, eventually, settings
):
    folder = makers.write_nearer(tmp_path / "set", 1)
    content = json.loads((folder / "dataset.json").read_text())
    go_on = threading.Event()
    with serving(Files, files={}) as server:
        server.files = Pictures((folder / "images" / "0001.jpg").read_bytes(), go_on)
        (image,) = content["images"]
        content["images"] = [image | {"file": f"{server.url}/{number}.jpg"} for number in range(N)]
        (folder / "dataset.json").write_text(json.dumps(content))
        environment = {"IMPORT_PRIVATE_NETWORKS": "127.0.0.0/8", "IMPORT_ROOTS": str(tmp_path)}
        first = start_worker(**environment)
        job = running.start(Import(format="nearer", path=str(folder), name="a data set", created_by=make_user()))
        eventually(lambda: Import.objects.get().cursor == 200)
        first.kill()
        assert not Dataset.objects.exists()
        asked_before = len(server.asked)
        go_on.set()
        start_worker(**environment)

        def swept_and_done() -> bool:
            running.sweep()
            job.refresh_from_db()
            return job.has_ended

        eventually(swept_and_done)
        assert (job.state, job.error, job.cursor) == ("done", "", N)
        assert len(server.asked) - asked_before == N - 200  # the first batch was not fetched again
    names = Image.objects.values_list("name", flat=True)
    assert len(names) == len(set(names)) == N == Person.objects.count() == job.counts["people"]
    assert Pair.objects.count() == 5 * N == job.counts["pairs"]
    assert Dataset.objects.get().is_whole


class Pictures:
    """One picture under every name; from the 230th name on only once the test says so."""

    def __init__(self, content: bytes, go_on: threading.Event):
        self._content, self._go_on = content, go_on

    def get(self, path: str):
        if int(path.strip("/").removesuffix(".jpg")) < 230 or self._go_on.is_set():
            return self._content
        return lambda handler: self._go_on.wait(20) and handler.answer(200, self._content)
