"""Arrays from other people's HDF5 files, and from nowhere else.

An HDF5 file can say that an array's content lies in another file of the machine that reads it,
or that a name stands for something in another file. Such arrays are refused.
"""

from pathlib import Path

import h5py
import numpy as np

from annotation.importers.records import BadDataset

LARGEST_BYTES = 2_000_000_000


def array(tree: h5py.File, path: str, file: Path) -> np.ndarray:
    """The array at a path of an open file.

    Raises: KeyError where there is nothing; BadDataset where it is elsewhere, is no array of numbers, or has over 2 GB.
    """
    node, walked = tree, ""
    for part in path.split("/"):
        walked = f"{walked}/{part}"
        if not isinstance(node, h5py.Group) or part not in node:
            raise KeyError(walked)
        if not isinstance(node.get(part, getlink=True), h5py.HardLink):
            raise BadDataset(f"{file}: {walked} stands for something elsewhere. Copy the array itself into the file.")
        node = node[part]
    if not isinstance(node, h5py.Dataset) or node.dtype.kind not in "iuf":
        raise BadDataset(f"{file}: {path} is no array of numbers.")
    if node.external or node.is_virtual:
        raise BadDataset(f"{file}: the content of {path} lies in another file. Copy the array itself into the file.")
    if node.size * node.dtype.itemsize > LARGEST_BYTES:
        raise BadDataset(f"{file}: {path} has more than {LARGEST_BYTES:,} bytes. Take a part of it.")
    return np.asarray(node[()])
