"""The wheel: complete, clean, and at work outside the checkout."""

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from setuptools import find_packages

from netflix.version import __version__
from tests.served.site import ROOT, THREADED, environment, served

# Folders of the checkout that are packages of the wheel.
MAPPED = {"netflix.cli": "cli", "netflix.migrations": "migrations", "netflix.static": "static"}
MAPPED |= {"netflix.templates": "templates"}


@pytest.fixture(scope="module")
def settings() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_is_listed(settings: ConfigParser) -> None:
    found = {"netflix"} | {f"netflix.{name}" for name in find_packages(str(ROOT / "netflix"))}
    assert set(settings["options"]["packages"].split()) == found | set(MAPPED)


def test_every_folder_beside_the_package_is_mapped_into_it(settings: ConfigParser) -> None:
    lines = settings["options"]["package_dir"].strip().splitlines()
    assert dict(line.split(" = ") for line in lines) == MAPPED


@pytest.mark.parametrize("name", sorted(MAPPED.values()))
def test_nothing_in_the_package_hides_a_folder_beside_it(name: str) -> None:
    assert (ROOT / name).is_dir()
    assert not (ROOT / "netflix" / name).exists()


@pytest.mark.parametrize("name", ["requirements.txt", "tests/requirements.txt"])
def test_every_pin_has_hashes_and_names_no_place(name: str) -> None:
    text = (ROOT / name).read_text()
    pins = re.findall(r"^([a-z].*==.*) \\\n    --hash=sha256:[0-9a-f]{64}", text, re.M)
    assert len(pins) == len(re.findall(r"^[^\s#]", text, re.M))
    assert not re.search(r"^\s*-(?!-hash)|://|/opt|/tmp", text, re.M)


def test_what_is_required_is_pinned(settings: ConfigParser) -> None:
    required = re.findall(r"^([A-Za-z][\w.-]*)", settings["options"]["install_requires"], re.M)
    pinned = re.findall(r"^([a-z][\w.-]*)==", (ROOT / "requirements.txt").read_text(), re.M)
    assert {name.lower() for name in required} <= set(pinned)


class Installed:
    """The wheel, in an environment of its own, far from the checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "venv/bin"
        self.env = environment(instance=folder)

    def run(self, *command: str | Path) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def top_level(self) -> set[str]:
        packages = next(self.folder.glob("venv/lib/python*/site-packages"))
        return {path.name for path in packages.iterdir() if path.suffix not in (".dist-info", ".pth")}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Built from a copy, so that the checkout stays clean; its dependencies are borrowed from this environment."""
    copy, folder = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("far")
    for name in ("netflix", *MAPPED.values()):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    installed = Installed(folder)
    installed.run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", copy)
    installed.run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    (wheel,) = (folder / "dist").glob("*.whl")
    pip = (sys.executable, "-m", "pip", "--python", installed.bin / "python", "--disable-pip-version-check")
    installed.run(*pip, "install", "--no-deps", "--no-index", wheel)
    packages = next(folder.glob("venv/lib/python*/site-packages"))
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    yield installed
    shutil.rmtree(folder)


def test_the_wheel_puts_one_package_into_the_environment(installed: Installed) -> None:
    assert installed.top_level == {"netflix"}
    where = installed.run(installed.bin / "python", "-c", "import netflix; print(netflix.__file__)")
    assert where.startswith(str(installed.folder))


def test_the_terminal_command_tells_its_version(installed: Installed) -> None:
    assert __version__ in installed.run(installed.bin / "netflix-admin", "--version")


def test_the_wheel_migrates_and_serves_pages_and_static_files(installed: Installed, redis_url: str) -> None:
    installed.run(installed.bin / "python", "-m", "flask", "--app", "netflix", "db", "upgrade")
    gunicorn = (str(installed.bin / "python"), "-m", "gunicorn", *THREADED, "-b", "127.0.0.1:{port}")
    with served(
        installed.folder, (*gunicorn, "netflix:create_app()"), root=installed.folder, redis_url=redis_url
    ) as site:
        page = site.visitor().get("/login")
        assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        assert len(assets) >= 3
        assert {site.visitor().get(asset).status for asset in assets} == {200}
        assert site.visitor().register("ada@example.org").status == 303


def test_the_terminal_command_migrates_too(installed: Installed) -> None:
    installed.env = environment(instance=installed.folder / "another")
    installed.run(installed.bin / "netflix-admin", "db", "upgrade")
    assert (installed.folder / "another/netflix.db").exists()
