"""What a newcomer's machine is given: the lock, the commands, the folders."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
TOP_FOLDERS = {"bot", "handlers", "storage", "scheduler", "tests", "docs", "deploy", "build"}


@pytest.fixture(scope="module")
def lock() -> str:
    return (ROOT / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def locked(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))


def test_n10_every_locked_package_has_one_version_and_hashes(lock: str):
    packages = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", lock, flags=re.MULTILINE).strip())

    exact = re.compile(r"[a-z0-9-]+==\S+( ; [^\\]+)? \\(\n    --hash=sha256:[0-9a-f]{64}( \\)?)+")
    assert [package for package in packages if not exact.fullmatch(package)] == []


def test_the_lock_names_no_index_and_no_place_of_one_machine(lock: str):
    assert not re.search(r"https?:|file:|index-url|find-links|/(home|root|tmp|work|opt)\b", lock)


def test_the_lock_holds_all_that_the_project_asks_for(locked: dict[str, str]):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    asked = [Requirement(text) for group in (project["dependencies"], *extras) for text in group]

    missing = [
        str(need)
        for need in asked
        if not need.specifier.contains(locked.get(canonicalize_name(need.name), "0"))
    ]

    assert missing == []


def test_the_command_is_called_wuyebot():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["name"] == "wuyebot"
    assert project["scripts"] == {"wuyebot": "bot.__main__:main"}
    assert project["license"] == "Apache-2.0"


def test_continuous_integration_runs_make_test_and_lets_nothing_be_skipped():
    run = ROOT / ".ci/run"

    assert os.access(run, os.X_OK)
    assert "export CI=true" in run.read_text()
    assert "make test" in run.read_text()


@pytest.mark.parametrize(
    ("target", "commands"),
    [
        ("setup", [".ci/setup", ".ci/browser"]),
        ("demo", [".ci/setup", 'wuyebot demo --port "8080" --data ".demo"']),
        ("test", [".ci/setup", ".ci/browser", "ruff check", "mypy", "pytest"]),
        ("bench", [".ci/setup", "tests.benchmarks"]),
    ],
)
def test_a_target_sets_up_all_that_it_needs(target: str, commands: list[str]):
    plain = {"PATH": os.environ["PATH"]}
    asked = ["make", "--dry-run", target]
    answer = subprocess.run(asked, cwd=ROOT, env=plain, capture_output=True, text=True, check=True)

    places = [answer.stdout.find(command) for command in commands]

    assert -1 not in places, answer.stdout
    assert places == sorted(places)


def test_the_top_level_holds_only_the_folders_of_the_house():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._"}

    assert folders <= TOP_FOLDERS


def test_the_pip_that_is_fetched_is_the_newest_that_runs_on_this_python():
    spec = spec_from_file_location("bootstrap_pip", ROOT / ".ci/bootstrap_pip.py")
    assert spec is not None
    assert spec.loader is not None
    bootstrap = module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    sums = [letter * 64 for letter in "abcd"]
    needs = f'data-requires-python="&gt;=3.{sys.version_info.minor + 1}"'
    page = "\n".join(
        [
            f'<a href="/x/pip-9.0.1-py3-none-any.whl#sha256={sums[0]}">pip-9.0.1</a>',
            f'<a href="/x/pip-26.3-py3-none-any.whl#sha256={sums[1]}">pip-26.3</a>',
            f'<a href="/x/pip-99.0-py3-none-any.whl#sha256={sums[2]}" {needs}>pip-99.0</a>',
            f'<a href="/x/pip-27.0-py3-none-any.whl#sha256={sums[3]}" data-yanked="">pip</a>',
        ]
    )

    assert bootstrap.newest(page) == ("/x/pip-26.3-py3-none-any.whl", sums[1])
