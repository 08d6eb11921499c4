"""The migration tools, against databases with planted defects."""
