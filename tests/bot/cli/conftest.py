"""What the tests of commands share: somebody who types them on a folder of books."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.main import main

Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def wuyebot(folder: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Give a command line that types on the books of the test's own `folder`.

    It returns the status and what was said.
    """

    def typed(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main([*words, "--data", str(folder)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return typed
