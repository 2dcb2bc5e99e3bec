"""``python -m ranklog``: the same as the command ``ranklog``."""

from ranklog.command_line import main

if __name__ == "__main__":
    main()
