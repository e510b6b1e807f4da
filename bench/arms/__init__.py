"""The arms: how each of them takes events in, which processes work on them, and when it is through."""
