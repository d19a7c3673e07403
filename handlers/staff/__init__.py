"""One file per thing a member of staff may ask for in chat."""
