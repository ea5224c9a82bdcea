"""A table in a page, between two comments of its source."""


def replaced(page: str, text: str, begin: str, end: str, place: str) -> str:
    """A page with this text between the lines `begin` and `end`; `place` is what an error calls the page.

    Raises ValueError where they are not there once each.
    """
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise ValueError(
            f"{place} has no place for the table: it needs a line {begin} and after it one {end}"
        )
    before, rest = page.split(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}"
