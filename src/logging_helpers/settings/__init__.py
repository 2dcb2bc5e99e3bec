"""What `init_logging` accepts: levels, sizes, sets of ranks, and all of it resolved."""
