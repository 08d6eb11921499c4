"""The wire client against servers that follow a script."""
