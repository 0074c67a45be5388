"""The paper's raw answers from Mechanical Turk, a Python 2 pickle, read as data.

A pickle is a program for a machine that can call anything. This reader lets it name containers and a few classes
that hold data (boto's, a database's ids, dates), puts inert stand-ins in their place, and refuses all else before
any of it could run. What the file then holds is checked like any other.
"""

from __future__ import annotations

import collections
import io
import pickle
import pickletools
from collections.abc import Iterator
from pathlib import Path

from crowd.vote_files.records import BadVoteFile, VoteRecord, VoteSource

LSP_NAMES, HUMAN_NAMES = "im%04d.jpg", "human36m_train_%010d.jpg"
LSP_FIRST = 1  # its pictures are counted from 0 and their files from 1, as the authors' plots show
# In this order the paper's page and its release count the joints of Leeds Sports Pose, whose head's top is the "nose" here.
JOINTS = (
    "nose", "neck", "left shoulder", "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist", "left hip",
    "right hip", "left knee", "right knee", "left ankle", "right ankle",
)
CONTAINERS = {
    (module, name): found
    for modules, names in (
        (("builtins", "__builtin__"), {"set": set, "frozenset": frozenset, "list": list, "dict": dict, "tuple": tuple}),
        (("collections",), {"OrderedDict": collections.OrderedDict}),
    )
    for module in modules
    for name, found in names.items()
}
HARMLESS = ("boto", "bson", "datetime")  # packages whose classes hold data; stand-ins take their place
REBUILD = {("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")}


class _StandIn:
    """Takes whatever a class would have been given, and does nothing with it."""

    def __init__(self, *_):
        self.state = None

    def __setstate__(self, state: object) -> None:
        self.state = state


def _rebuilt(*_) -> _StandIn:
    return _StandIn()


class _Reader(pickle.Unpickler):
    """Knows containers and stand-ins only.

    A few bytes can ask for another copy of a container as often as they like; so all copies together may have no more
    entries than the pickle has bytes, which is more than any honest one needs.
    """

    def __init__(self, content: bytes):
        super().__init__(io.BytesIO(content), encoding="latin-1")
        self._left = len(content)

    def _container(self, kind: type):
        def made(*given):
            self._left -= sum(len(one) for one in given)
            if self._left < 0:
                raise pickle.UnpicklingError("it copies the same things over and over, so that little becomes much")
            return kind(*given)

        return made

    def find_class(self, module: str, name: str):
        if (module, name) in CONTAINERS:
            return self._container(CONTAINERS[module, name])
        if (module, name) in REBUILD:
            return _rebuilt
        if module.split(".")[0] in HARMLESS or (module, name) in (("builtins", "object"), ("__builtin__", "object")):
            return _StandIn
        raise pickle.UnpicklingError(f"it names {module}.{name}, which a file of votes has no use for")

    def persistent_load(self, pid: object):
        raise pickle.UnpicklingError("it refers to objects outside of itself")


def _loaded(path: Path) -> object:
    """What the pickle holds. Raises: BadVoteFile; nothing that the file asks for is ever called but containers."""
    content = path.read_bytes()
    try:
        for opcode, argument, position in pickletools.genops(content):
            if opcode.name in ("EXT1", "EXT2", "EXT4"):
                raise pickle.UnpicklingError("it uses registered extensions")
            # A place far beyond the file's own size would only make the reader's memory swell.
            if "PUT" in opcode.name and int(argument) > len(content):
                raise pickle.UnpicklingError(f"it puts something at place {argument} (byte {position})")
        return _Reader(content).load()
    except BadVoteFile:
        raise
    except Exception as error:  # a broken pickle raises anything, an attacker's on purpose
        raise BadVoteFile(f"{path.name}: refused as a pickle of votes: {error or type(error).__name__}.") from error


def read(path: Path) -> VoteSource:
    """Assignments with `worker_id` and `trials`, as a list or under `_good_assignments` and `_flagged_assignments`.

    A comparison "3,12" of -1 says that joint 3 is closer, of 1 that 12 is; 0, undecided, is skipped. The first joint
    was always the green one.
    """
    assignments = _assignments(_loaded(path), path.name)
    of_humans = any("human_subj_ids" in one for one in assignments)
    source = source_of("paper-pickle", of_humans=of_humans)
    source.records = _records(assignments, path.name, source)
    return source


def source_of(format: str, *, of_humans: bool) -> VoteSource:
    """How a study of the paper counts: joints of Human3.6M in the order of `h36m-17`, those of Leeds Sports Pose otherwise."""
    return VoteSource(
        format, iter(()), joints=() if of_humans else JOINTS, image_names=HUMAN_NAMES if of_humans else LSP_NAMES,
        first_number=0 if of_humans else LSP_FIRST,
    )


def _assignments(content: object, name: str) -> list[dict]:
    if isinstance(content, dict):
        lists = [content.get(key) for key in ("_good_assignments", "_flagged_assignments")]
        if not any(isinstance(one, list) for one in lists):
            lists = [content.get("_all_assignments")]
        if not any(isinstance(one, list) for one in lists):
            raise BadVoteFile(f"{name}: a dict without _good_assignments; give the file that holds the assignments.")
        content = [entry for one in lists if isinstance(one, list) for entry in one]
    if not isinstance(content, list):
        raise BadVoteFile(f"{name}: a {type(content).__name__}, where a list of assignments was expected.")
    if any(isinstance(one, _StandIn) for one in content):
        raise BadVoteFile(
            f"{name}: a list of HITs as boto made them, without answers; give the file with the processed assignments."
        )
    for number, one in enumerate(content):
        if not isinstance(one, dict) or not isinstance(one.get("trials"), list) or not one.get("worker_id"):
            raise BadVoteFile(f"{name}, assignment {number}: no dict with worker_id and a list of trials.")
    if not content:
        raise BadVoteFile(f"{name}: there are no assignments in it.")
    return content


def _records(assignments: list[dict], name: str, source: VoteSource) -> Iterator[VoteRecord]:
    for number, assignment in enumerate(assignments):
        for position, trial in enumerate(assignment["trials"]):
            place = f"{name}, assignment {number}, trial {position}"
            if not isinstance(trial, dict):
                raise BadVoteFile(f"{place}: not a dict.")
            image = trial.get("img_id", trial.get("lsp_subj_id", trial.get("human_subj_id")))
            for record in comparisons(trial.get("depth"), image, str(assignment["worker_id"]), place, source):
                yield record._replace(
                    assignment=str(assignment.get("assignment_id", "")), hit=str(assignment.get("hit_id", "")),
                )


def comparisons(depth: object, image: object, worker: str, place: str, source: VoteSource) -> Iterator[VoteRecord]:
    """The answers to one picture, `keypoint_comparisons_res` of the paper's page. Raises: BadVoteFile."""
    answers = depth.get("keypoint_comparisons_res") if isinstance(depth, dict) else None
    if not isinstance(answers, dict):
        raise BadVoteFile(f"{place}: there is no keypoint_comparisons_res in it.")
    if isinstance(image, bool) or not isinstance(image, int | str) or image == "":
        raise BadVoteFile(f"{place}: the picture has no number (img_id).")
    if isinstance(image, str) and image.isdecimal():
        image = int(image)
    if isinstance(image, int):
        image += source.first_number
    for pair, said in answers.items():
        joints = str(pair).split(",")
        if len(joints) != 2 or not all(joint.strip().isdecimal() for joint in joints):
            raise BadVoteFile(f"{place}: the comparison {str(pair)[:40]!r} is not two joints such as '3,12'.")
        if said not in (-1, 0, 1):
            raise BadVoteFile(f"{place}: the answer to {pair} is {str(said)[:40]!r}; -1, 0 or 1 was expected.")
        if said == 0:
            source.skipped["undecided answers"] += 1
            continue
        yield VoteRecord(place, image, 0, int(joints[0]), int(joints[1]), worker, said == -1, first_is_green=True)
