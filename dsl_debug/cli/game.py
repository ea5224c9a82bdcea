"""The game behind `dsl-debug play`: an episode like an agent's, with the same tools, texts and turn budget.

`run`, `inspect`, `docs` and `submit` are calls of the four tools and take a turn each; everything else is
only about the program that the player works on, and is free.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import click

from dsl_debug.cli.screen import Screen, diff, listing
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.lang import STANDARD, node_names
from dsl_debug.lang.errors import did_you_mean, listed, quoted
from dsl_debug.problem import DslProblem
from dsl_debug.scoring import failure

VERDICTS: dict[str, str] = {
    "": "Correct.",
    "never_submitted": "Out of turns: nothing was submitted.",
    "unchanged": "Not correct: this is still the program that you were given.",
    "error": "Not correct: the program does not run.",
    "overfit": "Not correct: it gives the rows shown, but wrong ones on tables that were not shown.",
    "wrong_rows": "Not correct: it gives other rows.",
}


@dataclass
class Game:
    """One problem being played."""

    screen: Screen
    problem: DslProblem
    env: DSLDebugEnv
    code: str
    hinted: bool = False


@dataclass(frozen=True)
class Command:
    """What a player can type."""

    usage: str
    help: str
    act: Callable[[Game, str], None]


def play_problems(problems: list[DslProblem]) -> None:
    """Play problems one after the other until they, the input or the player's patience end."""
    screen = Screen()
    screen.say("DSL Debug: find out what is wrong. help lists the commands.", "title")
    played = solved = number = 0
    while number < len(problems):
        screen.title(f"Problem {number + 1} of {len(problems)}: {_label(problems[number])}")
        solution = _play(screen, problems[number])
        if solution is None:
            break
        played, solved = played + 1, solved + solution
        choice = _after(screen)
        if choice == "quit":
            break
        number += choice == "next"
    else:
        screen.title("That was the last problem.")
    if played:
        screen.say(f"You solved {solved} of {_counted(played, 'round')}.", "title")
    screen.say("Bye.")


def _label(problem: DslProblem) -> str:
    language = "" if problem.dialect == STANDARD else ", in a dialect that only docs explains"
    return f"{problem.category}, {problem.difficulty} ({problem.database}){language}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _play(screen: Screen, problem: DslProblem) -> bool | None:
    """Play one problem: whether it was solved, or None when the player left."""
    env = DSLDebugEnv()
    env.reset(problem)
    game = Game(screen, problem, env, _tidy(problem.buggy_code))
    _show(game, "")
    while not env.done:
        line = screen.ask("> ")
        if line is None:
            return None
        name, _, argument = line.strip().partition(" ")
        name = ALIASES.get(name, name)
        if name == "quit":
            return None
        if name in COMMANDS:
            COMMANDS[name].act(game, argument)
        elif name:
            screen.say(f"no command {quoted(name)}{did_you_mean(name, COMMANDS) or ';'} help lists them")
    _card(game)
    return failure(env.outcome) == ""


def _after(screen: Screen) -> str:
    """What comes after a problem: next, again or quit."""
    while True:
        line = screen.ask("next, again or quit> ")
        choice = "quit" if line is None else line.strip() or "next"
        choice = ALIASES.get(choice, choice)
        if choice in ("next", "again", "quit"):
            return choice
        screen.say("this problem is over: next, again or quit")


# Commands that take a turn


def _run(game: Game, _: str) -> None:
    game.screen.say(game.env.call("run", code=game.code).observation)


def _inspect(game: Game, name: str) -> None:
    if not name.strip():
        names = [*node_names(game.code, game.problem.dialect), *game.problem.tables]
        game.screen.say(f"inspect needs a name; there is: {listed(dict.fromkeys(names))}")
        return
    step = game.env.call("inspect", node_name=name.strip(), code=game.code)
    game.screen.say(step.observation)


def _docs(game: Game, topic: str) -> None:
    if not topic.strip():
        game.screen.say("docs needs a topic, for example: docs overview")
        return
    game.screen.say(game.env.call("read_docs", operation=topic.strip()).observation)


def _submit(game: Game, _: str) -> None:
    game.screen.say(game.env.call("submit", code=game.code).observation)


# Commands that are free


def _show(game: Game, _: str) -> None:
    say = game.screen.say
    changed = game.code != _tidy(game.problem.buggy_code)
    game.screen.title("The program" + (", as you changed it" if changed else ""))
    for line in listing(game.code, game.problem.dialect):
        game.screen.say_pieces(line)
    game.screen.title("The rows that it should give")
    say(game.problem.expected_output.render())
    game.screen.title("The tables")
    for name, table in game.problem.tables.items():
        say(f"  {name} ({_counted(len(table), 'row')}): {', '.join(table.names)}")
    say(f"\n{_counted(game.env.turns_left, 'turn')} left: run, inspect, docs and submit take one each.")


def _set(game: Game, argument: str) -> None:
    lines = game.code.rstrip("\n").split("\n")
    number, _, text = argument.partition(" ")
    if not (number.isdecimal() and len(number) < 8 and 1 <= int(number) <= len(lines) + 1):
        game.screen.say(
            f"set needs a line from 1 to {len(lines) + 1} and its new text, for example: set 1 -- todo"
        )
        return
    lines.append("")
    old = lines[int(number) - 1]
    indent = old[: len(old) - len(old.lstrip())]
    lines[int(number) - 1] = text if text[:1].isspace() else indent + text
    _change(game, "\n".join(lines))


def _edit(game: Game, _: str) -> None:
    if game.screen.interactive and (os.environ.get("VISUAL") or os.environ.get("EDITOR")):
        try:
            edited = click.edit(game.code, extension=".dsl")
        except click.ClickException as error:
            game.screen.say(error.format_message())
            return
    else:
        edited = _pasted(game.screen)
    if edited is None or not edited.strip():
        game.screen.say("nothing changed")
    else:
        _change(game, edited)


def _pasted(screen: Screen) -> str | None:
    screen.say("Type or paste the whole program; a line with a single dot ends it.")
    lines: list[str] = []
    while (line := screen.ask("")) != ".":
        if line is None:
            return None
        lines.append(line)
    return "\n".join(lines)


def _change(game: Game, code: str) -> None:
    game.code = _tidy(code)
    _diff(game, "")


def _tidy(code: str) -> str:
    return code.rstrip() + "\n"


def _diff(game: Game, _: str) -> None:
    _say_diff(game.screen, game.problem.buggy_code, game.code)


def _say_diff(screen: Screen, before: str, after: str) -> None:
    for text, style in diff(_tidy(before), _tidy(after)) or [("the program is as it was given", "")]:
        screen.say(text, style)


def _reset(game: Game, _: str) -> None:
    _change(game, game.problem.buggy_code)


def _hint(game: Game, _: str) -> None:
    game.hinted = bool(game.problem.intent)
    game.screen.say(game.problem.intent or "this problem has no hint")


def _help(game: Game, _: str) -> None:
    width = max(len(command.usage) for command in COMMANDS.values())
    for command in COMMANDS.values():
        game.screen.say(f"  {command.usage:<{width}}  {command.help}")


COMMANDS: dict[str, Command] = {
    "run": Command("run", "run your program (takes a turn)", _run),
    "inspect": Command(
        "inspect NAME", "show a table that your program names, or a loaded one (a turn)", _inspect
    ),
    "docs": Command("docs TOPIC", "read a page of the language reference (a turn)", _docs),
    "submit": Command("submit", "hand your program in; this ends the problem", _submit),
    "set": Command("set LINE TEXT", "replace one line of your program", _set),
    "edit": Command("edit", "rewrite your program in $EDITOR, or by pasting it", _edit),
    "show": Command("show", "show your program, the rows it should give, and the tables", _show),
    "diff": Command("diff", "show what you changed", _diff),
    "reset": Command("reset", "go back to the program as it was given", _reset),
    "hint": Command("hint", "tell what the program is for", _hint),
    "help": Command("help", "list the commands", _help),
    "quit": Command("quit", "leave the game", lambda game, argument: None),
}
ALIASES = {"exit": "quit", "q": "quit", "?": "help"}


# The end of a problem


def _card(game: Game) -> None:
    say, problem, outcome = game.screen.say, game.problem, game.env.outcome
    reason = failure(outcome)
    say()
    say("-" * 40, "quiet")
    say(f"{VERDICTS[reason]} Reward: {game.env.reward:g}", "bad" if reason else "good")
    calls = ", ".join(f"{count} {tool}" for tool, count in outcome.calls.items())
    hinted = "; with the hint" if game.hinted else ""
    say(f"Turns: {outcome.turns} of {game.env.max_turns} ({calls or 'no calls'}{hinted})")
    if problem.intent:
        say(f"It is meant for this: {problem.intent}")
    for bug in problem.bugs:
        say(f"Line {bug.line}: {bug.description}" if bug.line else bug.description)
    say("From the program that you were given to the correct one:")
    _say_diff(game.screen, problem.buggy_code, problem.correct_code)
    say("-" * 40, "quiet")
