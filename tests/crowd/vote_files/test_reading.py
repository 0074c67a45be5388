"""Files of votes become records, or are refused with the place and the remedy; no pickle is ever run."""

import csv
import json
import os
import pickle
from collections import OrderedDict

import pytest

from crowd.vote_files import BadVoteFile, open_votes
from crowd.vote_files.paper_pickle import JOINTS


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def records(path, *args, **options):
    return list(open_votes(path, *args, **options).records)


def make_assignment(worker="A1", image=7, answers=None, **overrides):
    """As the paper's scripts stored one, in Python 2's types."""
    return {
        "worker_id": worker, "worker_exp": 0, "assignment_id": f"{worker}-{image}", "hit_id": 3, "response_time": 61_000,
        "hit_comment": "nice", "gui_rating": 9, "lsp_subj_ids": [image],
        "trials": [{
            "depth": {"keypoint_comparisons_unsure": [], "keypoint_comparisons_res": answers or {"3,12": -1, "0,1": 1}},
            "response_time": 11_000, "lsp_subj_id": image, "img_id": image,
        }],
    } | overrides  # fmt: skip


def write_pickle(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def test_items_name_picture_person_and_joints(tmp_path):
    path = write(tmp_path / "v.csv", "item,worker,label\nim0001.jpg_3,12,a,1\n")
    with pytest.raises(BadVoteFile, match=r"row 2: 4 cells where the header has 3; put text with commas between quotes"):
        records(path)
    path = write(tmp_path / "v.csv", 'worker,label,item\na,1,"a_b_3,12"\nb,0,"im.jpg#2_left knee,neck"\n')
    first, second = records(path)
    assert (first.image, first.person, first.first, first.second, first.chose_first) == ("a_b", 0, 3, 12, True)
    assert (second.image, second.person, second.first, second.second) == ("im.jpg", 2, "left knee", "neck")
    assert second.place == "v.csv, row 3" and second.chose_first is False


def test_the_papers_labels_mean_the_first_by_0(tmp_path):
    path = write(tmp_path / "v.csv", 'item,worker,label\n"7_3,12",a,0\n')
    assert records(path, first_means=0)[0].chose_first is True
    assert records(path)[0].chose_first is False and records(path)[0].image == 7


def test_a_releases_own_table_of_votes_is_read_with_everything_in_it(tmp_path):
    path = write(
        tmp_path / "votes.csv",
        "image,person,first,second,worker,chose_first,first_is_green,first_is_left,response_ms\nim.png,0,4,2,w1,1,0,,1500\n",
    )
    vote = records(path)[0]
    assert (vote.chose_first, vote.first_is_green, vote.first_is_left, vote.response_ms) == (True, False, None, 1500)


def test_an_answer_in_words_names_the_joint(tmp_path):
    rows = "im.png,Left_Knee,neck,w,left knee\nim.png,1,2,w,second\n"
    path = write(tmp_path / "v.csv", "image,first,second,worker,closer\n" + rows)
    assert [vote.chose_first for vote in records(path)] == [True, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("item,worker\nx,y\n", "no column with the answer"),
        ("item,label\nx,1\n", "no column worker"),
        ("image,worker,label\nx,y,1\n", "no column first and second"),
        ("item,worker,label,label\na,b,1,1\n", "two columns are called 'label'"),
        ("item,worker,label,closer\na,b,1,x\n", "columns label and closer"),
        ('item,worker,label\n"a_1,2",w,maybe\n', "row 2: label is 0 or 1, not 'maybe'"),
        ('item,worker,label\n"a_1,2",,1\n', "row 2: the worker has no name"),
        ("item,worker,label\nbird7,w,1\n", "python -m crowd.aggregation"),
        ('item,worker,label,green\n"a_1,2",w,1,blue\n', "first_is_green is 0, 1 or empty"),
        ('item,worker,label,response_ms\n"a_1,2",w,1,-5\n', "response_ms is a whole number"),
        ('item,worker,label,given_at\n"a_1,2",w,1,yesterday\n', "given_at is a time"),
        ('item,worker,label,given_at\n"a_1,2",w,1,2026-01-01T00:00:00\n', "no time zone"),
        ("image,first,second,worker,closer\nim.png,1,2,w,7\n", "neither first, second, 1 nor 2"),
        ("image,first,second,worker,label\n,1,2,w,1\n", "row 2: the cell of image is empty"),
        ('item,worker,label\n"a_1,2",w,"1\n', "not CSV"),
    ],
)  # fmt: skip
def test_a_bad_csv_is_refused_with_place_and_remedy(tmp_path, text, said):
    with pytest.raises(BadVoteFile, match=said):
        records(write(tmp_path / "v.csv", text), "csv")


def test_a_csv_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "v.csv").write_bytes('item,worker,label\n"\xfc_1,2",w,1\n'.encode("latin-1"))
    with pytest.raises(BadVoteFile, match="not in UTF-8"):
        records(tmp_path / "v.csv", "csv")


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_the_papers_answers_are_read_from_their_pickle(tmp_path, protocol):
    content = {
        "_good_assignments": [make_assignment()], "_flagged_assignments": [make_assignment("A2", 9, {"5,6": 0, "1,2": -1})],
        "_rejected_assignments": [make_assignment("A3")], "_all_assignments": [],
    }  # fmt: skip
    source = open_votes(write_pickle(tmp_path / "lsp.pkl", content, protocol))
    found = list(source.records)
    assert [(vote.worker, vote.image, vote.first, vote.second, vote.chose_first) for vote in found] == [
        ("A1", 8, 3, 12, True), ("A1", 8, 0, 1, False), ("A2", 10, 1, 2, True),
    ]  # fmt: skip  # picture 0 is im0001.jpg
    assert all(vote.first_is_green and vote.first_is_left is None for vote in found)
    assert source.skipped == {"undecided answers": 1} and source.joints == JOINTS and source.image_names == "im%04d.jpg"


def test_the_study_on_human36m_has_other_file_names(tmp_path):
    one = make_assignment()
    one["human_subj_ids"] = one.pop("lsp_subj_ids")
    source = open_votes(write_pickle(tmp_path / "h.pkl", {"_all_assignments": [one]}))
    assert source.image_names == "human36m_train_%010d.jpg" and source.joints == ()  # seventeen joints in the usual order
    assert {vote.image for vote in source.records} == {7}


class Attack:
    """What a malicious pickle does when it is loaded the usual way."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_would_run_a_program_is_refused_and_runs_nothing(tmp_path, protocol):
    mark = tmp_path / "run"
    path = write_pickle(tmp_path / "bad.pkl", [make_assignment(), Attack(mark)], protocol)
    with pytest.raises(BadVoteFile, match=r"names (posix|nt)\.system, which a file of votes has no use for"):
        open_votes(path, "paper-pickle")
    assert not mark.exists()
    pickle.loads(path.read_bytes())  # the attack is a real one
    assert mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02cbuiltins\neval\nU\x011\x85R.", b"\x80\x02c__builtin__\ngetattr\nq\x00.", b"\x80\x02X\x01\x00\x00\x00aQ.",
        b"\x80\x02\x82\x01.", b"\x80\x02]r\xff\xff\xff\x7f.", b"\x80\x02]q", b"\x80\x05\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x02cboto.mturk.connection\nHIT\nq\x00.", b"\x80\x02cfunctools\npartial\n.",
        b"\x80\x02ccollections\nabc.Mapping\n.", b"",
    ],
)  # fmt: skip
def test_anything_but_data_is_refused(tmp_path, content):
    (tmp_path / "bad.pkl").write_bytes(content)
    with pytest.raises(BadVoteFile, match=r"bad\.pkl"):
        records(tmp_path / "bad.pkl", "paper-pickle")


def test_a_pickle_that_copies_one_list_over_and_over_is_refused(tmp_path):
    """A hundred kilobytes that would be ten thousand lists of ten thousand entries."""
    one = b"(" + b"K\x01" * 10_000 + b"lq\x00"
    again = b"c__builtin__\nlist\nq\x01" + b"h\x01h\x00\x85R" * 10_000
    (tmp_path / "bomb.pkl").write_bytes(b"\x80\x02(" + one + again + b"l.")
    with pytest.raises(BadVoteFile, match="over and over, so that little becomes much"):
        records(tmp_path / "bomb.pkl", "paper-pickle")


def test_classes_that_hold_data_are_stood_in_for(tmp_path):
    """boto's HITs, a database's ids: their classes are not even installed."""
    hit = b"ccopy_reg\n_reconstructor\n(cboto.mturk.connection\nHIT\nc__builtin__\nobject\nNtR(dS'HITId'\nS'3X'\nsb"
    (tmp_path / "hits.pkl").write_bytes(b"(l" + hit + b"a.")
    with pytest.raises(BadVoteFile, match="a list of HITs as boto made them, without answers"):
        open_votes(tmp_path / "hits.pkl")
    with_id = pickle.dumps([make_assignment(hit_id=None)], 0).replace(b"N", hit, 1)
    (tmp_path / "votes.pkl").write_bytes(with_id)
    assert len(records(tmp_path / "votes.pkl")) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": 1}, "a dict without _good_assignments"), ("text", "a str, where a list"), ([], "no assignments"),
        ([{"worker_id": "A"}], "assignment 0: no dict with worker_id and a list of trials"),
        ([make_assignment(answers={"3": 1})], "assignment 0, trial 0: the comparison '3'"),
        ([make_assignment(answers={"3,4": 5})], "-1, 0 or 1 was expected"),
        ([make_assignment(trials=[{"depth": 3}])], "no keypoint_comparisons_res"),
        ([make_assignment(image=None)], "the picture has no number"),
        (OrderedDict(x=1), "without _good_assignments"),
    ],
)  # fmt: skip
def test_a_pickle_of_other_things_is_refused_with_its_place(tmp_path, content, said):
    with pytest.raises(BadVoteFile, match=said):
        records(write_pickle(tmp_path / "v.pkl", content), "paper-pickle")


def write_results(path, rows):
    header = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def make_result(**columns):
    known = {"HITId": "3X", "HITTypeId": "3T", "AssignmentId": "3A", "WorkerId": "AB12", "AssignmentStatus": "Approved"}
    return known | columns


def test_results_of_the_papers_own_hits_are_read(tmp_path):
    trial = {"_lsp_subj_id": 7, "_depth_str": json.dumps({"keypoint_comparisons_res": {"3,12": 1}}), "_trial_rt": 9000}
    rows = [
        make_result(**{"Answer._trials_results": json.dumps({"0": trial}), "Answer._hit_rt": "60000"}),
        make_result(AssignmentStatus="Rejected", WorkerId="AB13", **{"Answer._trials_results": "{}"}),
    ]
    source = open_votes(write_results(tmp_path / "Batch_results.csv", rows))
    vote = next(source.records)
    assert (vote.worker, vote.image, vote.chose_first, vote.assignment, vote.hit) == ("AB12", 8, False, "3A", "3X")
    assert list(source.records) == [] and source.skipped == {"assignments that were rejected": 1}


def test_results_of_a_template_name_the_pair_in_their_input(tmp_path):
    pair = {"Input.image": "im.png", "Input.first": "left knee", "Input.second": "neck"}
    rows = [make_result(**pair, **{"Answer.closer": "neck"}), make_result(**pair, **{"Answer.closer": "first"})]
    assert [vote.chose_first for vote in records(write_results(tmp_path / "r.csv", rows))] == [False, True]
    rows = [make_result(**pair, **{"Answer.closer.first": "true", "Answer.closer.second": "false"})]
    assert records(write_results(tmp_path / "r.csv", rows))[0].chose_first is True
    rows = [make_result(**{
        "Input.image": "im.png", "Input.first_1": "1", "Input.second_1": "2", "Input.first_2": "3", "Input.second_2": "4",
        "Answer.q_1": "1", "Answer.q_2": "", "Answer.comment": "hm",
    })]  # fmt: skip
    source = open_votes(write_results(tmp_path / "r.csv", rows))
    assert [(vote.first, vote.chose_first) for vote in source.records] == [(1, True)]
    assert source.skipped == {"questions without an answer": 1}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"Answer.x": "1"}, "no column Input.first names the pair"),
        ({"Input.image": "a", "Input.first": "1", "Input.second": "2", "Answer.x": "1", "Answer.y": "2"},
         "Found: Answer.x, Answer.y"),
        ({"Input.image": "a", "Input.first": "1", "Input.second": "", "Answer.x": "1"}, "Input.second is missing or empty"),
        ({"Input.image": "a", "Input.first": "1", "Input.second": "2", "Answer.x": "left"}, "neither first, second"),
        ({"Answer._trials_results": "{]"}, "is not what the paper's page writes"),
        ({"Input.image": "a", "Input.first": "1", "Input.second": "2", "Answer.x.first": "true", "Answer.x.second": "true"},
         "both first and second chosen"),
    ],
)  # fmt: skip
def test_bad_results_are_refused_with_place_and_remedy(tmp_path, columns, said):
    with pytest.raises(BadVoteFile, match=said):
        records(write_results(tmp_path / "r.csv", [make_result(**columns)]))


def test_the_column_with_the_answer_can_be_named(tmp_path):
    row = make_result(**{"Input.image": "a", "Input.first": "1", "Input.second": "2", "Answer.x": "1", "Answer.note": "2"})
    assert records(write_results(tmp_path / "r.csv", [row]), answer="Answer.x")[0].chose_first is True
    with pytest.raises(BadVoteFile, match=r"no column .*Answer\.y"):
        records(tmp_path / "r.csv", answer="y")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "xml"}, "no format 'xml'"), ({"colour": 1}, "no setting 'colour'"),
        ({"image_names": "im%s.jpg"}, "one number in it"), ({"image_names": "{0.__class__}"}, "one number in it"),
        ({"first_means": 2}, "first_means is 0 or 1"), ({"joints": "nose"}, "a list of names"),
    ],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(tmp_path, options, said):
    with pytest.raises(BadVoteFile, match=said):
        open_votes(write(tmp_path / "v.csv", "item,worker,label\n"), **options)


def test_a_file_of_another_kind_is_told_apart(tmp_path):
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0 not a table")
    with pytest.raises(BadVoteFile, match="neither a CSV in UTF-8 nor a pickle"):
        open_votes(tmp_path / "picture.csv")
    with pytest.raises(BadVoteFile, match="no such file"):
        open_votes(tmp_path / "none.csv")
