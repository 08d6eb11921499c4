"""The bridge under faults."""
