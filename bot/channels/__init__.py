"""Chat platforms: the plugs that fit the ChatChannel socket."""
