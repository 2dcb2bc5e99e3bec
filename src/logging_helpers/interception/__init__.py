"""How records of stdlib's logging and warnings come to loguru."""
