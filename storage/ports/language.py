"""LanguageModel: a model outside that may say which intent a masked text means; nothing else."""

from collections.abc import Mapping
from typing import Any, Protocol


class LanguageModel(Protocol):
    """One model as the inside sees it: a text in, a text out, believed in nothing."""

    async def complete(self, instructions: str, said: str, schema: Mapping[str, Any]) -> str:
        """Return what the model says, asked for JSON of a schema; it may be anything.

        Raises LanguageModelUnavailable for every way in which it does not answer.
        """
        ...
