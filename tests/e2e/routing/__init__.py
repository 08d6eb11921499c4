"""The recipes of examples/routing, run by real proxies."""
