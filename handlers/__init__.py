"""What happens when a message or a webhook arrives."""
