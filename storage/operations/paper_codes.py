"""Codes on paper bills: who holds the paper may bind the unit; only a hash is kept."""

import hashlib
from collections.abc import Mapping

from sqlalchemy import Connection, update

from storage.models.estate import units


def hashed(code: str) -> str:
    """Return what is stored of a code: SHA-256 in hex."""
    return hashlib.sha256(code.encode()).hexdigest()


def keep_paper_codes(tx: Connection, codes: Mapping[int, str]) -> int:
    """Keep the hashes of the codes printed for these units (unit → code); return how many."""
    for unit_id, code in sorted(codes.items()):
        tx.execute(update(units).where(units.c.id == unit_id).values(paper_code=hashed(code)))
    return len(codes)
