"""Every legal way to change the truth."""
