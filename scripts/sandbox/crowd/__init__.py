"""A large database of the chat with a known number of planted defects of every kind, the same for the same seed.

`python -m scripts.sandbox.crowd` fills a migrated database; the data checks are held to its manifest.
"""
