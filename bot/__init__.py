"""Where the house meets the street."""
