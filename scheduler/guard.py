"""One bad item never stops the rest: its trouble is logged where an operator looks."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from storage.errors import StorageUnavailable

log = logging.getLogger(__name__)


@contextmanager
def one_of_many(trouble_name: str, **facts: str | int) -> Iterator[None]:
    """Do one item of many; log what goes wrong under a `noun.event` name and go on.

    Without a database no item can be done, so StorageUnavailable is passed on.
    """
    try:
        yield
    except StorageUnavailable:
        raise
    except Exception:
        log.exception(trouble_name, extra=facts)
