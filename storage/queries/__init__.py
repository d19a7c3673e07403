"""Every question one may ask of the truth."""
