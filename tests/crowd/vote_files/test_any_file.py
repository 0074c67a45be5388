"""Whatever stands in a file of votes, it is read or refused with its name; nothing else ever comes out."""

import json
import pickle
import random

import pytest

from crowd.vote_files import BadVoteFile, open_votes
from tests.crowd.vote_files.test_reading import make_assignment, make_result, write_results
from tests.spoiling import odd_bytes, odd_json

TABLE = (
    'item,worker,label,given_at\n"im0001.jpg_3,12",a,1,2026-05-04T12:00:00Z\n"7_3,12",b,0,\n"im.jpg#2_left knee,neck",c,1,\n'
)
TRIAL = {"_lsp_subj_id": 7, "_depth_str": json.dumps({"keypoint_comparisons_res": {"3,12": 1}}), "_trial_rt": 9000}
ASSIGNMENTS = [make_assignment(), make_assignment("A2", 9, {"5,6": 0})]


def table(draw, path):
    path.write_bytes(odd_bytes(draw, TABLE.encode()))


def results(draw, path):
    """The trials inside a cell made odd as JSON, or the file's bytes."""
    trials = odd_json(draw, json.dumps({"0": TRIAL}).encode()) if draw.random() < 0.5 else json.dumps([TRIAL]).encode()
    write_results(path, [make_result(**{"Answer._trials_results": trials.decode(), "Input.first": ""})])
    if draw.random() < 0.5:
        path.write_bytes(odd_bytes(draw, path.read_bytes()))


def raw_answers(draw, path):
    """What the pickle holds made odd, or its bytes, in every protocol that Python 2 and 3 write."""
    content = json.loads(odd_json(draw, json.dumps(ASSIGNMENTS).encode()))
    pickled = pickle.dumps(content, draw.choice([0, 1, 2, 4]))
    path.write_bytes(pickled if draw.random() < 0.5 else odd_bytes(draw, pickle.dumps(ASSIGNMENTS, draw.choice([0, 2]))))


@pytest.mark.parametrize(("format", "write"), [("csv", table), ("mturk-csv", results), ("paper-pickle", raw_answers)])
def test_a_file_of_votes_that_was_changed_anyhow_is_read_or_refused_with_its_name(tmp_path, format, write):
    """The seeds are fixed; a longer hunt with others: raise the number of examples."""
    path, refused = tmp_path / "votes", 0
    for seed in range(150):
        write(random.Random(seed), path)
        try:
            for vote in open_votes(path, format).records:
                assert vote.worker and vote.first != vote.second and isinstance(vote.chose_first, bool), seed
        except BadVoteFile as error:
            assert str(error).startswith("votes") and len(str(error)) > 20, seed
            refused += 1
    assert refused > 50
