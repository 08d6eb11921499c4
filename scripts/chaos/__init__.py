"""Trials of the bridge under faults: what makes them happen, who writes and reads meanwhile, and who judges."""
