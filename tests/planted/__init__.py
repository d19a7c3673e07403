"""Bugs that we plant in the money code, to see that the tests find them."""
