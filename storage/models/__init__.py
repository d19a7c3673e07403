"""The tables, one file per family of nouns; `storage/models/all.py` is what migrations see."""
