"""The stage of the stories about money."""

import pytest

from storage.database import Database
from tests.storage.operations.stage import Stage, staged


@pytest.fixture
async def stage(db: Database) -> Stage:
    """Give Ms Li's world and a platform, once on each engine."""
    return await staged(db)
