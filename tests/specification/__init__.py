"""The specification, its examples and its page."""
