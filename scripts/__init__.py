"""Programs for people and machines around the bridge: the sandbox, the self-test, the benchmarks."""
