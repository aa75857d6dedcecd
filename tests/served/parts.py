"""The programs that only tests need. Without one its tests are skipped, or fail when all parts are required."""

import os
import shutil
from glob import glob

import pytest


def program(name: str, *elsewhere: str) -> str:
    """The path of a program, looked for on the path and in the folders that match `elsewhere`."""
    folders = [folder for pattern in elsewhere for folder in sorted(glob(pattern), reverse=True)]
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        sentence = f"{name} is not installed; .ci/run shows how to get it."
        if os.environ.get("REQUIRE_ALL_PARTS"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found
