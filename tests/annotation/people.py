"""Drawn people for tests: pictures in which one can see what is asked, data sets and tutorials of them."""

import io
import json
import random
from pathlib import Path

from django.core.files.base import ContentFile
from PIL import Image as Picture
from PIL import ImageDraw

from annotation import pictures, skeletons
from annotation.demo import generate
from annotation.models import Dataset, Image, Pair, Person
from tests.factories import make_user

LSP = "lsp-14"


def standing(width: int, height: int, seed: int) -> list[list[float]]:
    """LSP's 14 keypoints of a person who fills most of the picture, a little different each time."""
    draw = random.Random(seed)
    figure = json.loads(skeletons.SHIPPED[LSP].read_text())["figure"]
    size = min(width, height) * 0.85
    left, top = (width - size) / 2, (height - size) / 2
    return [[left + x * size + draw.uniform(-8, 8), top + y * size + draw.uniform(-8, 8)] for x, y in figure]


def draw_person(width: int, height: int, seed: int) -> tuple[bytes, list[list[float]]]:
    """A PNG of a body of thick limbs, and its keypoints."""
    keypoints = standing(width, height, seed)
    bones = json.loads(skeletons.SHIPPED[LSP].read_text())["bones"]
    colour = random.Random(seed)
    sky, body = (150 + colour.randrange(80), 180, 200), (90, 70 + colour.randrange(120), 110)
    picture = Picture.new("RGB", (width, height), sky)
    pen = ImageDraw.Draw(picture)
    pen.rectangle([0, height * 0.82, width, height], fill=(120, 130, 95))
    pen.polygon([tuple(keypoints[joint]) for joint in (8, 9, 3, 2)], fill=body)
    for a, b in bones:
        pen.line([tuple(keypoints[a]), tuple(keypoints[b])], fill=body, width=width // 16)
    x, y = keypoints[13]
    pen.ellipse([x - width / 18, y - width / 40, x + width / 18, y + width / 10], fill=(225, 185, 150))
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue(), keypoints


def make_drawn_pairs(n_images: int = 2, pairs_per_image: int = 3, **overrides) -> list[Pair]:
    """Pairs of drawn people in one data set; further keywords go to each pair."""
    name = f"drawn people {random.getrandbits(40)}"
    dataset = Dataset.objects.create(name=name, owner=make_user(), skeleton=skeletons.skeleton(LSP), source="test")
    made = []
    for number in range(n_images):
        content, keypoints = draw_person(400, 520, seed=number)
        picture = Image.objects.create(
            dataset=dataset, name=f"{number}.png", width=400, height=520,
            file=ContentFile(content, f"{number}.png"), sha256=f"{random.getrandbits(256):064x}",
        )
        truth = [[0, 0, (joint - 6) * 50.0] for joint in range(14)]
        person = Person.objects.create(image=picture, keypoints=keypoints, occluded=[False] * 14, truth_mm=truth)
        joints = [(0, 9), (6, 11), (4, 13), (1, 10), (5, 7), (8, 2), (12, 3)]
        made += [
            Pair.objects.create(person=person, first=first, second=second, **overrides)
            for first, second in joints[:pairs_per_image]
        ]
    return made


def write_tutorial(folder: Path, n_examples: int = 5, kinds=("clear", "hard", "occluded", "left-right", "lean")) -> Path:
    """A tutorial's folder: in every example the first keypoint is the closer one."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(n_examples):
        content, keypoints = draw_person(320, 400, seed=100 + number)
        (folder / f"{number}.png").write_bytes(content)
        comparison = {
            "first": 6, "second": number % 5, "first_is_closer": True, "kind": kinds[number % len(kinds)],
            "explanation": f"The arm reaches forward, picture {number}.",
        }
        row = {"file": f"{number}.png", "people": [{"keypoints": [[*point, 1] for point in keypoints]}]}
        rows.append(row | {"comparisons": [comparison]})
    content = {"format": "nearer-dataset", "version": 1, "skeleton": LSP, "images": rows}
    (folder / "dataset.json").write_text(json.dumps(content))
    assert pictures.read(folder / "0.png").width == 320
    return folder


def make_mannequin_pairs(n_images: int = 2, pairs_per_image: int = 3) -> list[Pair]:
    """Pairs of the demonstration's mannequins, who look like what a worker sees; 560 x 560 pixels."""
    folder = Path(generate.__file__).parent / "dataset"
    rows = json.loads((folder / "dataset.json").read_text())["images"][:n_images]
    name = f"mannequins {random.getrandbits(40)}"
    dataset = Dataset.objects.create(name=name, owner=make_user(), skeleton=skeletons.skeleton("h36m-17"), source="test")
    made = []
    for row in rows:
        content = (folder / row["file"]).read_bytes()
        picture = Image.objects.create(
            dataset=dataset, name=row["file"], width=row["width"], height=row["height"],
            file=ContentFile(content, row["file"].rsplit("/", 1)[-1]), sha256=f"{random.getrandbits(256):064x}",
        )
        (known,) = row["people"]
        keypoints = [point[:2] for point in known["keypoints"]]
        person = Person.objects.create(
            image=picture, keypoints=keypoints, occluded=[bool(hidden) for hidden in known["occluded"]],
            truth_mm=known["pose3d_mm"],
        )
        joints = [(13, 3), (16, 6), (10, 1), (11, 14), (15, 12)]
        made += [Pair.objects.create(person=person, first=a, second=b) for a, b in joints[:pairs_per_image]]
    return made
