"""Where records go: the loguru sink, the console, the rank's file and its rotation."""
