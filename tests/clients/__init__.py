"""The clients that exist, acted by programs: they send, accept, ignore and forget exactly what the real ones do."""
