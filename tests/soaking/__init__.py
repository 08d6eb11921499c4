"""The long trials, by themselves."""
