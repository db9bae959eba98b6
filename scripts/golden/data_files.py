#!/usr/bin/env python3
"""Writes an archive of arrays as numpy saves them, for Tests/DataFilesTests to read.

    python3 scripts/golden/data_files.py Tests/DataFilesTests/Golden

Needs numpy. The file is committed; run this again only to add a case.
"""
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

numbers = np.array([[0, 1, 2], [100, 4, 77]])
signed = np.array([[0, -1, 2], [-100, 4, 77]])
arrays = {}
for order in "<>":
    side = "little" if order == "<" else "big"
    for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8"):
        arrays[f"{side}-{kind}"] = signed.astype(order + kind)
    for kind in ("u1", "u2", "u4", "u8"):
        arrays[f"{side}-{kind}"] = numbers.astype(order + kind)
arrays["truth"] = numbers == 1
arrays["single"] = np.array(7, dtype="i4")
arrays["vector"] = np.arange(5, dtype="f4") / 4
arrays["empty"] = np.zeros((0, 3), dtype="f4")
arrays["large"] = np.array([2**64 - 1], dtype="u8")
arrays["fortran"] = np.asfortranarray(signed.astype("f4"))
arrays["fortran-vector"] = np.asfortranarray(np.arange(3, dtype="i8").reshape(1, 3))
arrays["objects"] = np.array([{"a": 1}, None], dtype=object)
arrays["words"] = np.array(["a", "bc"])
arrays["fields"] = np.zeros(2, dtype=[("x", "f4"), ("y", "i4")])
arrays["complex"] = np.zeros(2, dtype="c8")

with zipfile.ZipFile(Path(sys.argv[1]) / "numpy.npz", "w", zipfile.ZIP_DEFLATED) as archive:
    def add(name, array, version=None):
        content = io.BytesIO()
        np.lib.format.write_array(content, array, version=version)
        entry = zipfile.ZipInfo(name + ".npy")
        entry.compress_type = zipfile.ZIP_DEFLATED
        # As numpy does, whose arrays may be larger than the old format allows.
        with archive.open(entry, "w", force_zip64=True) as file:
            file.write(content.getvalue())

    for name, array in arrays.items():
        add(name, array)
    add("version-2", signed.astype("f4"), version=(2, 0))
    add("version-3", signed.astype("f4"), version=(3, 0))
