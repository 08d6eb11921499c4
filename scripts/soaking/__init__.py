"""The long trials: every fault with thousands of messages, memory under bad clients, the end with many sockets."""
