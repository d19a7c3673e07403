"""What happens when a payment platform calls."""
