"""python -m crowd.aggregation: files in, files out, clear words for bad ones."""

import csv
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from crowd.aggregation.__main__ import main
from crowd.aggregation.tables import read_votes

ROWS = "item,worker,label\nb,anna,1\na,anna,0\nb,bert,1\na,bert,0\na,carl,1\n"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_labels_and_workers_are_written(tmp_path, capsys):
    votes = write(tmp_path / "votes.csv", ROWS)
    assert main([votes, "--output", str(tmp_path / "labels.csv"), "--workers", str(tmp_path / "workers.csv")]) == 0
    labels = {row["item"]: row for row in rows_of(tmp_path / "labels.csv")}
    assert list(labels) == ["a", "b"] and labels["b"]["label"] == "1" and labels["a"]["votes"] == "3"
    assert abs(float(labels["a"]["probability"]) - float(labels["a"]["risk"])) < 1e-6
    assert [row["worker"] for row in rows_of(tmp_path / "workers.csv")] == ["anna", "bert", "carl"]
    assert "ceiling 0.80 from the paper's study" in capsys.readouterr().out


def test_the_order_of_rows_in_the_file_changes_nothing(tmp_path):
    header, *rows = ROWS.splitlines()
    for name, lines in (("one", rows), ("two", rows[::-1])):
        main([write(tmp_path / f"{name}.csv", "\n".join([header, *lines]) + "\n"), "--output", str(tmp_path / f"{name}.out")])
    assert (tmp_path / "one.out").read_text() == (tmp_path / "two.out").read_text()


def test_files_are_read_alike_with_and_without_pyarrow(tmp_path, monkeypatch):
    text = 'label,worker,item,gold,green,prior\n1,w1,"x, y",1,1,0.7\n0,w2,"x, y",,0,\n1,w2,z,,,0.2\n'
    path = tmp_path / "votes.csv"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    fast = read_votes(path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    slow = read_votes(path)
    assert fast.items == slow.items == ["x, y", "z"]
    for name in ("item", "worker", "label", "green"):
        assert (getattr(fast.votes, name) == getattr(slow.votes, name)).all()
    assert np.array_equal(fast.gold, [1, np.nan], equal_nan=True) and np.array_equal(fast.gold, slow.gold, equal_nan=True)
    assert fast.prior.tolist() == slow.prior.tolist() == [0.7, 0.2]


def test_the_pairs_of_a_person_speak_for_each_other_where_the_file_says_whose_they_are(tmp_path, capsys):
    header = "item,worker,label,person,first,second\n"
    rows = [
        f"{person}-{first}-{second},{worker},{int(worker == 'w2' or second > 'hip')},{person},{first},{second}\n"
        for person in "abcdef"
        for first, second in (("head", "hip"), ("head", "knee"), ("hip", "knee"))
        for worker in ("w1", "w2")
    ]  # fmt: skip
    votes = write(tmp_path / "votes.csv", header + "".join(rows))
    assert main([votes, "--output", str(tmp_path / "labels.csv")]) == 0
    assert "what the other pairs of a person say counts as right" in capsys.readouterr().out
    bodies = read_votes(votes).bodies
    assert len(bodies) == 18 and bodies.n_keypoints == 3 and len(set(bodies.person.tolist())) == 6
    bad = write(tmp_path / "bad.csv", header + "i,w,1,a,head,hip\ni,v,1,a,head,knee\n")
    assert main([bad, "--output", str(tmp_path / "labels.csv")]) == 1
    assert "row 2: item i has two values of second; keep one" in capsys.readouterr().err
    same = write(tmp_path / "same.csv", header + "i,w,1,a,head,head\n")
    assert main([same, "--output", str(tmp_path / "labels.csv")]) == 1
    assert "item i compares a keypoint with itself" in capsys.readouterr().err


@pytest.mark.parametrize("reader", ["pyarrow", "csv"])
@pytest.mark.parametrize(
    ("names", "in_order"),
    [
        (("10", "9", "123456789012"), ["10", "123456789012", "9"]),
        (("7", "007", "+7"), ["+7", "007", "7"]),
        (("7", "-7", " 7"), [" 7", "-7", "7"]),
        (("9" * 30, "1", "8"), ["1", "8", "9" * 30]),
        (("é", "z", "Ω"), ["z", "é", "Ω"]),
    ],
)
def test_names_stay_as_they_are_written_and_are_sorted_as_text(tmp_path, monkeypatch, names, in_order, reader):
    if reader == "csv":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = write(tmp_path / "votes.csv", "item,worker,label\n" + "".join(f"{name},w,{n % 2}\n" for n, name in enumerate(names)))
    table = read_votes(path)
    assert table.items == in_order
    assert table.votes.label[[in_order.index(name) for name in names]].tolist() == [0, 1, 0]
    assert main([path, "--output", str(tmp_path / "out.csv"), "--method", "majority"]) == 0
    rows = rows_of(tmp_path / "out.csv")
    assert [row["item"] for row in rows] == in_order
    assert {row["probability"] for row in rows} == {"0.333333", "0.666667"} and {row["votes"] for row in rows} == {"1"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("item,worker\na,b\n", "no column label"),
        ("item,worker,label\n", "no rows"),
        ("item,worker,label\na,w,1\nb,w,3\n", "row 3: label is 0 or 1, not '3'"),
        ("item,worker,label\na,w,1\nb,w,NaN\n", "row 3: label is 0 or 1, not 'NaN'"),
        ("item,worker,label\na,w,\n", "row 2: label is 0 or 1"),
        ("item,worker,label\n,w,1\n", "row 2: the item has no name"),
        ("item,worker,label\na,w,1,9\n", "columns"),
        ("item,worker,label,prior\na,w,1,1.5\n", "row 2: prior is a probability"),
        ("item,worker,label,gold\na,w,1,0\na,v,1,1\n", "item a has both 0 and 1"),
    ],
)
@pytest.mark.parametrize("reader", ["pyarrow", "csv"])
def test_a_bad_file_ends_with_one_and_a_sentence(tmp_path, capsys, monkeypatch, text, words, reader):
    if reader == "csv":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main([write(tmp_path / "votes.csv", text), "--output", str(tmp_path / "out.csv")]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("reader", ["pyarrow", "csv"])
def test_nan_is_an_empty_cell_where_cells_may_be_empty(tmp_path, monkeypatch, reader):
    if reader == "csv":
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    table = read_votes(write(tmp_path / "votes.csv", "item,worker,label,prior,gold,green\na,w,1,NaN,nan,NaN\nb,w,0,0.3,1,1\n"))
    assert np.array_equal(table.prior, [np.nan, 0.3], equal_nan=True) and np.isnan(table.gold[0])
    assert table.votes.green.tolist() == [0, 1]


def test_a_seed_changes_nothing(tmp_path):
    for seed in ("0", "7"):
        assert main([write(tmp_path / "v.csv", ROWS), "--output", str(tmp_path / f"{seed}.csv"), "--seed", seed]) == 0
    assert (tmp_path / "0.csv").read_text() == (tmp_path / "7.csv").read_text()


def test_the_base_rate_is_given_or_asked_for_on_the_command_line(tmp_path, capsys):
    votes, out = write(tmp_path / "votes.csv", ROWS), tmp_path / "out.csv"
    probability = {}
    for rate in ("0.1", "0.9", "half"):
        assert main([votes, "--output", str(out), "--base-rate", rate]) == 0
        probability[rate] = [float(row["probability"]) for row in rows_of(out)]
    assert all(low < middle < high for low, middle, high in zip(*(probability[rate] for rate in ("0.1", "half", "0.9"))))
    capsys.readouterr()
    assert main([votes, "--output", str(out), "--base-rate", "estimate"]) == 0
    assert "from the votes, as asked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--base-rate", "1.5"], "base_rate lies between 0 and 1"),
        (["--base-rate", "0.2", "--method", "lean"], "belong to nearer and nearer-apart, not to lean"),
        (["--ceiling", "0.4"], "ceiling is a share above 0.5"),
    ],
)
def test_impossible_options_end_with_a_sentence(tmp_path, capsys, options, words):
    assert main([write(tmp_path / "votes.csv", ROWS), "--output", str(tmp_path / "out.csv"), *options]) == 1
    assert words in capsys.readouterr().err


def test_a_base_rate_that_is_no_number_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([write(tmp_path / "votes.csv", ROWS), "--output", str(tmp_path / "out.csv"), "--base-rate", "often"])
    assert "half, estimate or a share" in capsys.readouterr().err


def test_a_missing_file_is_told(tmp_path, capsys):
    assert main([str(tmp_path / "none.csv"), "--output", str(tmp_path / "out.csv")]) == 1
    assert "none.csv: No such file" in capsys.readouterr().err


def test_the_report_draws_what_the_data_allow(tmp_path, capsys):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 60)
    lines = [f"i{i},w{w},{truth[i] if rng.random() < 0.8 else 1 - truth[i]}" for i in range(60) for w in range(5)]
    votes = write(tmp_path / "votes.csv", "item,worker,label\n" + "\n".join(lines) + "\n")
    told = write(
        tmp_path / "truth.csv", "item,truth,depth_gap_mm\n" + "".join(f"i{i},{y},{20 * i}\n" for i, y in enumerate(truth))
    )
    folder = tmp_path / "report"
    assert main([votes, "--output", str(tmp_path / "out.csv"), "--truth", told, "--report", str(folder)]) == 0
    names = {"reliability", "risk-coverage", "workers", "workers-rates", "depth-gap"}
    assert {path.stem for path in folder.glob("*.svg")} == {path.stem for path in folder.glob("*.csv")} == names
    for path in folder.glob("*.svg"):
        assert ElementTree.parse(path).getroot().get("aria-label")
    assert sum(int(row["items"]) for row in rows_of(folder / "reliability.csv")) == 60
    assert "accuracy" in capsys.readouterr().out
    assert main([votes, "--output", str(tmp_path / "out.csv"), "--report", str(tmp_path / "second")]) == 0
    assert {path.stem for path in (tmp_path / "second").glob("*.svg")} == {"workers", "workers-rates"}
