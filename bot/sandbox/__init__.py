"""Faithful stand-ins for the platforms, with a phone to chat from; imports nothing of ours."""
