"""One file per thing a resident may ask for."""
