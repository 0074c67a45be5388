"""How long an import takes and how much memory: `python -m benchmarks.importing 10000 100000`.

Makes a COCO file with two people in each of so many small JPEGs, all different, and imports
it with the command that a researcher would use, in a process, a database and a folder of its
own. Prints seconds, CPU seconds (user and system) and the process's peak of resident memory.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from annotation.importers.skeletons import shipped

ROOT = Path(__file__).resolve().parent.parent
SIDE_PX = 96


def write_images(folder: Path, count: int) -> None:
    """JPEGs of noise in large grains, each from its own seed."""
    folder.mkdir(parents=True)
    for number in range(count):
        grains = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        content = io.BytesIO()
        Image.fromarray(grains).resize((SIDE_PX, SIDE_PX)).save(content, "JPEG", quality=70)
        (folder / f"{number:06d}.jpg").write_bytes(content.getvalue())


def write_coco(file: Path, count: int) -> None:
    """Written piece by piece as well; images first, then people in another order."""
    draw = np.random.default_rng(0)
    category = {"id": 1, "name": "person", "keypoints": [joint.replace(" ", "_") for joint in shipped("coco-17").joints]}
    with file.open("w") as out:
        out.write(f'{{"categories": [{json.dumps(category)}], "images": [')
        for number in range(count):
            row = {"id": number, "file_name": f"{number:06d}.jpg", "width": SIDE_PX, "height": SIDE_PX}
            out.write((", " if number else "") + json.dumps(row))
        out.write('], "annotations": [')
        for number in range(2 * count):
            places = draw.integers(2, SIDE_PX - 2, (17, 2)).tolist()
            row = {
                "id": number, "image_id": number % count, "category_id": 1, "iscrowd": 0, "num_keypoints": 17,
                "keypoints": [value for x, y in places for value in (x, y, 2)],
            }
            out.write((", " if number else "") + json.dumps(row))
        out.write("]}")


def run(*arguments: str, var: Path) -> tuple[float, float, float, str]:
    """Seconds, CPU seconds, peak memory in MB, and the last line of a management command in a process of its own."""
    code = (
        "import resource, runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path('manage.py', run_name='__main__')\n"
        "finally:\n"
        "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "    print('used', used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)"
    )
    environment = os.environ | {"NEARER_VAR": str(var), "OMP_NUM_THREADS": "1"}
    environment.pop("DATABASE_URL", None)
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, "manage.py", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    cpu_s, peak_kb = done.stderr.rpartition("used ")[2].split()[:2]
    return seconds, float(cpu_s), int(peak_kb) / 1024, (done.stdout.strip().splitlines() or [""])[-1]


def measure(count: int, above: Path) -> None:
    var, source = above / f"var{count}", above / f"source{count}"
    var.mkdir()
    write_images(source / "images", count)
    write_coco(source / "person_keypoints_benchmark.json", count)
    size_mb = (source / "person_keypoints_benchmark.json").stat().st_size / 1e6
    run("migrate", "-v", "0", var=var)
    os.environ["DJANGO_SUPERUSER_PASSWORD"] = "a benchmark's"
    run("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.org", var=var)
    seconds, cpu_s, peak_mb, said = run("import_dataset", str(source), "--format", "coco", "--name", f"{count} images", var=var)
    print(f"| {count:,} | {size_mb:.0f} | {seconds:.0f} | {cpu_s:.0f} | {count / cpu_s:.0f} | {peak_mb:.0f} |", flush=True)
    print(said, file=sys.stderr)
    shutil.rmtree(var)
    shutil.rmtree(source)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=int, nargs="*", default=[10_000, 100_000])
    given = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"load at the start {load:.1f}, of {os.cpu_count()} processors")
    print("| images | annotations (MB) | seconds | CPU seconds | images/CPU s | peak memory (MB) |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="nearer-importing-") as above:
        for count in given.images:
            measure(count, Path(above))
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
