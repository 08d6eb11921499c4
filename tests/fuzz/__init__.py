"""Bad inputs that a machine thinks up; how many were tried is said at the end."""
