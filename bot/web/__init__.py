"""Routes here, words in templates/, look in static/."""
