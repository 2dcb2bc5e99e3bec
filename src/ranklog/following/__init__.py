"""Reading a run while it is written: files that grow and are rotated, records put into order."""
