"""The terminal chat, piece by piece."""
