"""Starts the server: `python -m servers`."""

import sys

from servers.launch import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
