"""`python -m metrics`: publishes the metric. It needs the extra `build`."""

import sys

from dsl_debug.cli import run_module

if __name__ == "__main__":
    sys.exit(run_module("metrics", "metrics.publish"))
