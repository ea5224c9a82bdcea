"""Players that need no search: the floor, the ceiling, chance, and the attack with constants."""

from random import Random

from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.emitter import constant_program
from dsl_debug.agents.repair import repaired
from dsl_debug.agents.rewrite import imagined
from dsl_debug.agents.seen import inspect_table, read_prompt, read_table
from dsl_debug.episode import DSLDebugEnv, Step
from dsl_debug.lang import Program, Table, print_program


def unchanged(observation: str, env: DSLDebugEnv, rng: Random) -> Step:
    """Submit the buggy program as it is."""
    return env.call("submit", code=env.problem.buggy_code)


def reference(observation: str, env: DSLDebugEnv, rng: Random) -> Step:
    """Submit the correct program, which only this one knows."""
    return env.call("submit", code=env.problem.correct_code)


def random_edit(observation: str, env: DSLDebugEnv, rng: Random) -> Step:
    """Make one or two random edits until a program runs, and submit that; syntax is mended first."""
    task = read_prompt(observation)
    values = {name: tuple(dict.fromkeys(column)) for name, column in task.goal.table.columns.items()}
    starts = repaired(task.code, task.goal.table.names, env.problem.dialect)
    code = task.code
    while starts and env.turns_left > 1:
        program: Program = starts[0]
        for _ in range(rng.choice((1, 2))):
            edits = list(neighbours(program, imagined(program, task.types, values)))
            program = rng.choice(edits).program if edits else program
        code = print_program(program, env.problem.dialect)
        if read_table(env.call("run", code=code).observation):
            break
    return env.call("submit", code=code)


def constant_emitter(observation: str, env: DSLDebugEnv, rng: Random) -> Step:
    """Submit a program that prints the rows shown, as soon as the tables seen are enough to write one.

    The buggy program is submitted where none is found.
    """
    task = read_prompt(observation)
    tables: dict[str, Table] = {}
    code = task.code
    for name in task.rows:
        if env.turns_left <= 2:
            break
        seen = inspect_table(env, name)
        if seen:
            tables[name] = seen.table
        program = constant_program(task.goal.table, tables)
        if program:
            code = print_program(program, env.problem.dialect)
            given = read_table(env.call("run", code=code).observation)
            if given and given.matches(task.goal):
                break
    return env.call("submit", code=code)
