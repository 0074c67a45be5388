"""Votes from elsewhere become a campaign like any other: matched, pseudonymous, merged, released."""

import io
import pickle

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from annotation.models import Annotator, Image, Pair, Task, Vote
from crowd import merging
from crowd.models import Assignment, Campaign, Environment, VoteImport, Worker
from crowd.vote_imports import importing, storing
from jobs import running
from tests import factories
from tests.crowd.releases.make import make_known_campaign, manifest, merged, read, released, rows

pytestmark = pytest.mark.django_db


def make_people(n: int = 3, joints: int = 5):
    """A data set with pictures im0001.png, ..., one pair asked on each, second joint first."""
    dataset = factories.make_dataset()
    for number in range(1, n + 1):
        person = factories.make_person(image=factories.make_image(dataset=dataset, name=f"images/im{number:04d}.png"))
        factories.make_pair(person=person, first=1, second=0)
    return dataset


def take(dataset, content: bytes | str, *, filename="votes.csv", name="from elsewhere", **options) -> VoteImport:
    content = content.encode() if isinstance(content, str) else content
    job = importing.start(dataset, dataset.owner, io.BytesIO(content), filename, name=name, **options)
    return running.execute(job)


VOTES = """item,worker,label,green
"im0001.png_0,1",AMZN1,1,1
"im0001.png_0,1",AMZN2,0,0
"im0002.png_3,4",AMZN1,1,1
"im0003.png_0,1",AMZN2,1,0
"""


def test_votes_are_matched_to_pictures_and_pairs_and_turned_where_the_pair_stands_the_other_way():
    dataset = make_people()
    job = take(dataset, VOTES)
    assert job.is_done, job.error
    campaign = job.campaign
    votes = Vote.objects.filter(task__assignment__hit__campaign=campaign).select_related("pair__person__image")
    told = sorted(
        (vote.pair.person.image.name[-8:-4], vote.pair.first, vote.pair.second, vote.get_choice_display(), vote.first_is_green)
        for vote in votes
    )
    first, second = "the first is closer", "the second is closer"
    assert told == [
        ("0001", 1, 0, first, True), ("0001", 1, 0, second, False), ("0002", 3, 4, first, True), ("0003", 1, 0, second, True),
    ]  # fmt: skip
    assert Pair.objects.get(person__image__name="images/im0002.png", first=3).strategy == "imported"
    assert campaign.state == Campaign.State.ARCHIVED and campaign.owner == dataset.owner
    assert job.figures["votes"] == 4 and job.figures["workers"] == 2 and job.figures["pairs"] == 3
    assert job.knows_colour and not job.knows_side


def test_workers_are_nowhere_named_as_in_the_file():
    dataset = make_people()
    job = take(dataset, VOTES)
    columns = ((Worker, "worker_id"), (Annotator, "pseudonym"), (Assignment, "assignment_id"))
    stored = [text for model, column in columns for text in model.objects.values_list(column, flat=True)]
    stored += [str(job.figures), str(job.warnings), job.log]
    assert not any("AMZN" in text for text in stored)
    assert storages["private"].listdir("votes")[1] == []  # the file itself is gone once it is read
    again = take(dataset, VOTES.replace("AMZN2", "AMZN3"), name="another file")
    assert again.is_done and Worker.objects.count() == 3  # the same person is one worker in every import


def test_imported_votes_are_merged_and_released_and_what_nobody_knows_stays_empty():
    job = take(make_people(), VOTES)
    release = released(merged(job.campaign, method="majority"))
    votes = rows(release, "votes.csv")
    assert [row["first_is_left"] for row in votes] == [""] * 4 and {row["first_is_green"] for row in votes} == {"0", "1"}
    assert [row["response_ms"] for row in votes] == [""] * 4
    card = read(release, "README.md").decode()
    assert "read from the file votes.csv" in card and "not known to Nearer" in card and "was not recorded" in card
    assert manifest(release)["counts"]["workers"] == 2


def test_unknown_colours_do_not_count_as_habits():
    plain = "\n".join(f'"im000{1 + n % 3}.png_{n % 4},4",w{n % 5},{n % 2}' for n in range(40))
    job = take(make_people(), "item,worker,label\n" + plain)
    merge = merged(job.campaign)
    assert not any(skill.biases["green"] or skill.biases["left"] for skill in merge.skills.all())
    assert merging.latest(job.campaign) == merge


def test_the_same_file_is_one_campaign_however_often_it_is_read():
    dataset = make_people()
    first, second = take(dataset, VOTES), take(dataset, VOTES, name="once more")
    assert second.is_done and second.campaign == first.campaign and second.figures["already"] == "from elsewhere"
    assert Vote.objects.count() == 4 and Campaign.objects.count() == 1
    other = take(dataset, VOTES, name="turned", settings={"first_means": 0})
    assert other.campaign != first.campaign and Vote.objects.count() == 8


def test_a_dry_run_counts_warns_shows_and_keeps_nothing():
    dataset = make_people()
    again = '"im0001.png_0,1",AMZN1,0,1\n'
    job = take(dataset, VOTES + again, dry_run=True)
    assert job.is_done and job.campaign is None and job.figures["votes"] == 4
    assert job.figures["sample"][0]["image"] == "im0001.png" and "again on the same pair" in job.warnings[0]
    assert not Campaign.objects.exists() and not Vote.objects.exists() and not Task.objects.exists()
    assert Pair.objects.count() == 3 and not Environment.objects.exists() and not Annotator.objects.exists()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('"im0009.png_0,1",w,1', "row 2: The data set .* has no picture 'im0009.png'. Set skip_unknown"),
        ('"im0001.png#4_0,1",w,1', "has no person number 4"),
        ('"im0001.png_0,9",w,1', "no joint number 9 among the 5"),
        ('"im0001.png_0,0",w,1', "a pair of a joint with itself"),
        ('"im0001.png_elbow,neck",w,1', "There is no joint 'elbow'; this skeleton has head, neck"),
        ('"1_0,1",w,1', "image_names"),
    ],
)  # fmt: skip
def test_a_vote_on_what_is_not_there_is_refused_with_row_and_remedy(row, said):
    job = take(make_people(), f"item,worker,label\n{row}\n")
    assert job.state == VoteImport.State.FAILED
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(job.error)
    assert not Campaign.objects.exists()


def test_votes_on_pictures_that_are_not_there_can_be_left_out():
    job = take(make_people(), VOTES + '"im0009.png_0,1",AMZN1,1,1\n', settings={"skip_unknown": True})
    assert job.is_done and job.figures["votes"] == 4
    assert job.warnings[0] == "1 left out: votes on what the data set does not have."
    nothing = take(make_people(), 'item,worker,label\n"x_0,1",w,1\n', name="nothing", settings={"skip_unknown": True})
    assert nothing.state == VoteImport.State.FAILED and "no vote in it is about this data set's pairs" in nothing.error


def test_the_papers_pickle_finds_its_pictures_and_its_order_of_joints():
    dataset = make_people()
    Image.objects.filter(name="images/im0002.png").update(name="im0002.jpg")
    trial = {"img_id": 1, "depth": {"keypoint_comparisons_res": {"0,10": -1}}}  # nose against left knee, in the paper's order
    content = pickle.dumps([{"worker_id": "A", "assignment_id": "3", "hit_id": 1, "trials": [trial]}], 2)
    job = take(dataset, content, filename="lsp.pkl")
    assert job.is_done, job.error
    pair = Vote.objects.get().pair
    assert (pair.first, pair.second) == (0, 3)  # head, left knee
    assert job.campaign.hits.get().pairs.get() == pair


def test_a_release_can_be_read_back_in_as_votes():
    campaign = make_known_campaign()
    content = read(released(merged(campaign)), "votes.csv")
    job = take(campaign.dataset, content, name="again")
    assert job.is_done, job.error
    assert read(released(merged(job.campaign)), "pairs.csv") == read(released(merged(campaign)), "pairs.csv")


def test_a_campaign_of_that_name_is_not_overwritten():
    dataset = make_people()
    factories.make_campaign(name="taken")
    with pytest.raises(importing.BadRequest, match="campaign called “taken”"):
        take(dataset, VOTES, name="taken")
    with pytest.raises(importing.BadRequest, match="no setting 'colour'"):
        take(dataset, VOTES, settings={"colour": 1})
    with pytest.raises(importing.BadRequest, match="empty"):
        take(dataset, b"")


def test_nothing_is_left_of_an_import_that_breaks_off(monkeypatch):
    dataset = make_people()

    def broken(*_):
        raise RuntimeError("the machine stopped here")

    monkeypatch.setattr(storing.Writer, "_hit_pairs", broken)
    job = take(dataset, VOTES)
    assert job.state == VoteImport.State.FAILED
    assert not Campaign.objects.exists() and not Vote.objects.exists() and not Worker.objects.exists()
    monkeypatch.undo()
    assert take(dataset, VOTES).is_done and Vote.objects.count() == 4


def test_the_command_imports_and_says_what_it_did(tmp_path, capsys):
    dataset = make_people()
    path = tmp_path / "votes.csv"
    path.write_text(VOTES)
    call_command("import_votes", path, dataset=dataset.name, name="by command", dry_run=True)
    said = capsys.readouterr().out
    assert "4 votes of 2 people on 3 pairs" in said and "Nothing was kept" in said
    call_command("import_votes", path, dataset=dataset.name, name="by command")
    assert "as the campaign “by command”" in capsys.readouterr().out
    call_command("import_votes", path, dataset=dataset.name, name="by command")
    assert "was imported before, as “by command”" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no data set 'none'"):
        call_command("import_votes", path, dataset="none", name="x")
    with pytest.raises(CommandError, match="no such file"):
        call_command("import_votes", tmp_path / "none.csv", dataset=dataset.name, name="x")
