"""Votes from the CSV of results that Mechanical Turk's requester pages give.

One row an assignment. Understood are the paper's own HITs (`Answer._trials_results`) and template HITs whose
`Input.*` columns name the pair: `Input.image`, `Input.person` (optional), `Input.first`, `Input.second`, once for each
row, or several times with a number behind (`Input.first_2`) where a HIT asked several.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from crowd.vote_files import paper_pickle
from crowd.vote_files.csv_votes import chosen, image, joint, rows_of, whole
from crowd.vote_files.records import BadVoteFile, VoteRecord, VoteSource

TRIALS = "Answer._trials_results"
INPUT = re.compile(r"Input\.first(?P<suffix>_?\d*)")
ON = ("true", "on", "1", "yes")


def read(path: Path, answer: str = "") -> VoteSource:
    """The assignments that were not rejected; the others are counted as skipped.

    Args:
        answer: name of the answer, such as `Answer.closer`; needed where there are several.
    """
    source = VoteSource("mturk-csv", iter(()))
    header = next((row for _, row in rows_of(path)), None)
    if header is None:
        raise BadVoteFile(f"{path.name} has a header and no rows.")
    missing = [name for name in ("HITId", "AssignmentId", "WorkerId") if name not in header]
    if missing:
        raise BadVoteFile(
            f"{path.name}, row 1: there is no column {' and '.join(missing)}; export the results as Mechanical Turk does."
        )
    if TRIALS in header:
        source = paper_pickle.source_of("mturk-csv", of_humans="_human_subj_id" in header[TRIALS])
    source.records = _records(path, source, answer)
    return source


def _records(path: Path, source: VoteSource, answer: str) -> Iterator[VoteRecord]:
    for number, row in rows_of(path):
        place = f"{path.name}, row {number}"
        if row.get("AssignmentStatus", "").strip().lower() == "rejected":
            source.skipped["assignments that were rejected"] += 1
            continue
        worker = row["WorkerId"].strip()
        if not worker:
            raise BadVoteFile(f"{place}: WorkerId is empty.")
        found = _trials(row[TRIALS], place, source) if TRIALS in row else _template(row, answer, place, source)
        for record in found:
            yield record._replace(worker=worker, assignment=row["AssignmentId"].strip(), hit=row["HITId"].strip())


def _trials(text: str, place: str, source: VoteSource) -> Iterator[VoteRecord]:
    """The paper's page put all its trials into one field, and each trial's answers into another inside it."""
    try:
        trials = json.loads(text)
        for trial in trials.values() if isinstance(trials, dict) else trials:
            number = trial.get("_lsp_subj_id", trial.get("_human_subj_id"))
            depth = json.loads(trial["_depth_str"])
            yield from paper_pickle.comparisons(depth, number, "", place, source)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if isinstance(error, BadVoteFile):
            raise
        raise BadVoteFile(f"{place}: {TRIALS} is not what the paper's page writes ({error!r}).") from error


def _template(row: dict[str, str], answer: str, place: str, source: VoteSource) -> Iterator[VoteRecord]:
    suffixes = [found["suffix"] for name in row if (found := INPUT.fullmatch(name))]
    if not suffixes:
        raise BadVoteFile(
            f"{place}: no column Input.first names the pair, nor is there {TRIALS}; add Input.image, Input.first, Input.second."
        )
    for suffix in suffixes:
        cells = {}
        for name in ("image", "first", "second"):
            column = f"Input.{name}{suffix}" if f"Input.{name}{suffix}" in row else f"Input.{name}"
            cells[name] = row.get(column, "").strip()
            if not cells[name]:
                raise BadVoteFile(f"{place}: {column} is missing or empty.")
        cells["person"] = row.get(f"Input.person{suffix}", row.get("Input.person", "")).strip()
        first, second = joint(cells["first"]), joint(cells["second"])
        said = _answer(row, answer, suffix, place)
        if not said:
            source.skipped["questions without an answer"] += 1
            continue
        yield VoteRecord(
            place, image(cells["image"]), whole(cells, "person", place) or 0, first, second, "",
            chosen(said, first, second, place),
        )


def _answer(row: dict[str, str], answer: str, suffix: str, place: str) -> str:
    """The answer's text; a choice that was exported as one column an option (`Answer.closer.first`) is put together."""
    if answer:
        names = [answer, f"{answer}{suffix}"]
        names += [f"Answer.{name}" for name in names]
    else:
        stems = {name.split(".")[1] for name in row if name.startswith("Answer.")}
        wanted = {stem for stem in stems if stem.endswith(suffix)} if suffix else stems
        if len(wanted) != 1:
            found = ", ".join(f"Answer.{stem}" for stem in sorted(wanted)) or "none"
            raise BadVoteFile(
                f"{place}: which column has the answer{' to ' + suffix if suffix else ''}? Found: {found}. Name it with the "
                "setting 'answer'."
            )
        names = [f"Answer.{wanted.pop()}"]
    for name in names:
        if name in row:
            return row[name].strip()
        options = {column[len(name) + 1:]: value for column, value in row.items() if column.startswith(f"{name}.")}
        if options:
            on = [option for option, value in options.items() if value.strip().lower() in ON]
            if len(on) > 1:
                raise BadVoteFile(f"{place}: {name} has both {on[0]} and {on[1]} chosen.")
            return on[0] if on else ""
    found = ", ".join(column for column in row if column.startswith("Answer.")) or "none"
    raise BadVoteFile(f"{place}: there is no column {names[-1]}; its answers are {found}.")
