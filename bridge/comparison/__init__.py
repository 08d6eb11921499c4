"""The bridge's answers beside those that legacy clients get: how both are asked for, what differs, what of it is meant.

Used live (`bridge.shadow`) and by the migration tools, for all people at once. Nothing here writes, and nothing leaves
that is in a row: a difference is an id and the name of a field.
"""
