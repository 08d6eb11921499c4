"""What makes the trials, by itself."""
