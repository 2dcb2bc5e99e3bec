"""From paths to the bytes of each rank: which files there are, and blocks of whole records."""
