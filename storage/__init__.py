"""What is true, and every legal way to change it."""
