"""`python -m model_cards`: needs the extras `cli` and `build`."""

import sys

from dsl_debug.cli import BAD_INPUT


def main() -> None:
    """Run the command line, or say what is missing."""
    try:
        from model_cards.cli import main as run
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("model_cards: the command line needs click: pip install 'dsl-debug[cli]'", file=sys.stderr)
        sys.exit(BAD_INPUT)
    run()


if __name__ == "__main__":
    main()
