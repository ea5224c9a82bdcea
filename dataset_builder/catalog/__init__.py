"""The built-in catalog: families of databases over many domains, made up on the spot, without a download.

To add a family, add one `Family(...)` to a theme file of this folder (trade.py, travel.py, ...), with a name
and tables that no other has; the tests say what is missing in it. Every family has a table of facts (150 rows
or more, so that other contents of the same tables can be drawn from it), at least two columns of categories,
two of dense whole numbers, and one of decimals: what programs filter, group and add up.

The same generator gives the same database with one version of Faker; another version may invent other names.
"""

from random import Random

from dataset_builder.catalog import civic, culture, nature, science, sport, trade, travel, work
from dataset_builder.catalog.making import Family, make
from dataset_builder.model import Database

__all__ = ["FAMILIES", "Family", "family_names", "generate"]

_THEMES = (trade, travel, sport, culture, nature, civic, work, science)

FAMILIES: dict[str, Family] = {family.name: family for theme in _THEMES for family in theme.FAMILIES}


def family_names() -> list[str]:
    """The names of all families, sorted."""
    return sorted(FAMILIES)


def generate(name: str, rng: Random) -> Database:
    """A database of a family: other sizes and values for each state of `rng`.

    Raises KeyError for a name that is none, ModuleNotFoundError where Faker is missing.
    """
    return make(FAMILIES[name], rng)
