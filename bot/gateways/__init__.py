"""Payment platforms, one file each: their words in, our facts out."""
