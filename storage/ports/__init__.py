"""The sockets of the house: what the inside asks of the outside."""
