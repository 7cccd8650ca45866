"""Prints what NumPy and Python's zipfile find in an .npz file, as JSON; for the tests."""

import base64
import json
import sys
import zipfile

import numpy

path = sys.argv[1]
with zipfile.ZipFile(path) as archive:
    damaged, comment = archive.testzip(), archive.comment.decode()
with numpy.load(path) as arrays:
    found = [
        {
            "name": name,
            "type": str(arrays[name].dtype),
            "shape": list(arrays[name].shape),
            "bytes": base64.b64encode(arrays[name].tobytes()).decode(),
        }
        for name in arrays.files
    ]
print(json.dumps({"arrays": found, "comment": comment, "damaged": damaged}))
