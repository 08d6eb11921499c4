"""Tests of the rollout's command line."""
