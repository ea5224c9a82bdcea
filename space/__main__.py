"""`python -m space`: opens the app, or makes the sample that comes with it."""

import sys

from space.launch import command

if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
