"""Builds the datasets of DSL Debug: problems are generated here, verified here, and only then published.

cli.py            python -m dataset_builder: the commands
python_bugs/      the arena's curriculum: hand-written bugs, a library to mutate, other people's lists, checks
arena.py          all problems of the arena, without repetitions, split by family
arena_export.py   the arena as a folder that load_dataset reads; arena_card.md is its card
llm.py            further bugs, written by a model
"""
