"""The Autobahn test suite against the bridge's own WebSocket stack."""
