"""Spreadsheets (电子表格) of a property office: read with suspicion, written inert."""
