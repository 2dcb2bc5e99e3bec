"""Who this process is in its job: the table of launchers, and what it says now."""
