"""Arithmetic of property fees: no database, no clock, no network."""
