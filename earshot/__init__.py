"""The operator's command line over all programs, and the embedded servers."""
