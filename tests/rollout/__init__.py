"""Tests of the rollout's plan and of what decides by it."""
