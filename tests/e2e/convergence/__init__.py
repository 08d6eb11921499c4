"""What clients hold after all pushes is what a fresh load shows."""
