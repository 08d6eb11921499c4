"""Every client generation on a real bridge, each with the databases of its time."""
