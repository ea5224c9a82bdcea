"""How a sample problem is written down: a correct program, and the lines that its mistakes change."""

from dataclasses import dataclass

# One set of tables as a domain spells it out: table name -> the text of a CSV file.
TableTexts = dict[str, str]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One bug: the line `right` of the correct program stands as `wrong` in the buggy one."""

    kind: str
    description: str
    right: str
    wrong: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A problem over the tables of its domain."""

    category: str
    difficulty: str
    intent: str
    correct: str
    mistakes: tuple[Mistake, ...]

    @property
    def buggy(self) -> str:
        """The correct program with all its mistakes."""
        code = self.correct
        for mistake in self.mistakes:
            code = code.replace(mistake.right, mistake.wrong)
        return code


@dataclass(frozen=True, slots=True)
class Domain:
    """A small database: the tables that are shown, other contents of the same tables, and the problems."""

    name: str
    shown: TableTexts
    hidden: tuple[TableTexts, ...]
    samples: tuple[Sample, ...]
