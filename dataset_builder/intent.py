"""What a program is for, in one plain sentence, put together from its tree."""

from dataclasses import replace

from dataset_builder.canonical import needed_statements
from dataset_builder.model import Database
from dataset_builder.programs.naming import words
from dataset_builder.views import Field, View, listed, ordered, top, view_of
from dsl_debug.lang import Program

MAX_LENGTH = 300


def intent(program: Program, database: Database) -> str:
    """What the program gives, for a reader who does not see it: measures, granularity, order and filters.

    At most 300 characters: where that is too few, plain columns go first, then long words for what was
    reckoned, then the end of the sentence.
    """
    views: dict[str, View] = {}
    for statement in needed_statements(program):
        views[statement.name] = view_of(statement, views, database)
    view = views.get(program.emit.name) or View(words(program.emit.name), {})
    for sentence in (_sentence(view, True), _sentence(view, False), _sentence(_brief(view), False)):
        if len(sentence) <= MAX_LENGTH:
            return sentence
    return sentence[: MAX_LENGTH - 2].rsplit(" ", 1)[0].rstrip(" ,;:(") + "…"


# Sentences


def _sentence(view: View, complete: bool) -> str:
    text = _of_groups(view, complete) if view.keys else _of_rows(view, complete)
    return text[:1].upper() + text[1:] + "."


def _brief(view: View) -> View:
    """The view with the program's own names for long reckonings."""

    def shortened(field: Field) -> Field:
        return replace(field, text=field.short) if 0 < len(field.short) < len(field.text) else field

    columns = {name: shortened(field) for name, field in view.columns.items()}
    return replace(view, columns=columns, order=tuple((shortened(f), desc) for f, desc in view.order))


def _of_groups(view: View, complete: bool) -> str:
    keys = listed([view.field(key).text for key in view.keys])
    fields = [field for name, field in view.columns.items() if name not in view.keys]
    made, plain = ([f.text for f in fields if f.made == wanted] for wanted in (True, False))
    text = f"for each {keys}, {listed([f'the {name}' for name in made]) or 'the groups'}"
    text += f", with {listed(plain)}" if plain and complete else ""
    text += f", over {view.over}" if view.over else ""
    text += f", only where the {' and the '.join(view.conditions)}" if view.conditions else ""
    return text + _ranking(view)


def _of_rows(view: View, complete: bool) -> str:
    fields = [f.text for f in view.columns.values() if f.made or complete]
    shown = f", with {listed(fields)}" if fields else ""
    if view.take is None:
        return f"the {view.subject}{shown}{_ranking(view)}"
    return f"of the {view.subject}, the {top(view)}{shown}{_ties(view)}"


def _ranking(view: View) -> str:
    if view.take is not None:
        return f"; only the {top(view)}{_ties(view)}"
    return f"; {ordered(*view.order[0])} first{_ties(view)}" if view.order else ""


def _ties(view: View) -> str:
    ties = ", then ".join(ordered(*sort) for sort in view.order[1:])
    return f" (ties: {ties} first)" if ties else ""
