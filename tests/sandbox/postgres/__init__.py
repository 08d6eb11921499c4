"""The sandbox's PostgreSQL: the server, the schema with its faults, the sample people."""
