"""The bridge as it runs: Hypercorn, real sockets, the sandbox's real parts."""
