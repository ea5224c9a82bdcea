"""What visitors and agents may send: texts of characters, up to a length."""

MAX_CODE = 20_000
"""Characters of a program or a function; longer ones are refused."""

MAX_WORDS = 500
"""Characters of a name, a topic or an id."""


class Refused(ValueError):
    """Something that is not done, and costs no turn; the text is one line for whoever asked."""


def checked_text(value: object, name: str, most: int) -> str:
    """`value`, which has to be a text of at most `most` characters. Raises Refused, which calls it `name`."""
    if not isinstance(value, str):
        raise Refused(f"{name} is a text; something else was sent.")
    if len(value) > most:
        raise Refused(f"{name} has at most {most:,} characters; {len(value):,} were sent.")
    try:
        value.encode()
    except UnicodeEncodeError:  # nothing could send it back
        raise Refused(f"{name} is not valid Unicode: it holds half of a surrogate pair.") from None
    return value
