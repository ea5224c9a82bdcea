"""`python -m metrics`: publishes the metric."""

import sys

from metrics.publish import command

if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
