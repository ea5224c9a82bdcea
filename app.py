"""The entry of the Space: `python app.py`, here or on Hugging Face."""

import sys

from space.launch import main

if __name__ == "__main__":
    sys.exit(main())
