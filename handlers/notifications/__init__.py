"""One file per thing we tell a person unasked."""
