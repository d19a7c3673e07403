"""The npm peers, installed once for all their tests where node is there."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from bot.sandbox.world import World

HERE = Path(__file__).parent
PEERS = HERE.parents[1] / "build" / "peers"


def cannot_run(reason: str) -> NoReturn:
    """Skip what this machine cannot run, and say why; with CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Install the peers once into build/peers."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        cannot_run("node and npm are not installed: the npm peers do not run")
    wanted = (HERE / "package.json").read_text(encoding="utf-8")
    kept = PEERS / "package.json"
    names = json.loads(wanted)["dependencies"]
    installed = all((PEERS / "node_modules" / name / "package.json").exists() for name in names)
    if not installed or not kept.exists() or kept.read_text(encoding="utf-8") != wanted:
        PEERS.mkdir(parents=True, exist_ok=True)
        kept.write_text(wanted, encoding="utf-8")
        options = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts")
        done = subprocess.run(
            [npm, "install", *options], cwd=PEERS, capture_output=True, text=True, check=False
        )
        if done.returncode:
            cannot_run("npm cannot install the peers: " + done.stderr[-300:])
    return PEERS


@pytest.fixture(scope="session")
def kept_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keys of every platform, made once for all tests."""
    folder = tmp_path_factory.mktemp("platforms")
    world = World.open(folder, base_url="http://127.0.0.1:9")
    for till in world.tills.values():
        till.close()
    world.account.book.close()
    world.robots.book.close()
    world.office.book.close()
    return folder / "keys"


@pytest.fixture
def sandbox_folder(tmp_path: Path, kept_keys: Path) -> Path:
    """A folder for a sandbox that has its keys already."""
    shutil.copytree(kept_keys, tmp_path / "sandbox" / "keys")
    return tmp_path / "sandbox"
