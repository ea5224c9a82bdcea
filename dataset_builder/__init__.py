"""Builds the datasets of DSL Debug: problems are generated here, verified here, and only then published.

From databases to a folder, in this order:

databases.py      any folder of SQLite files; cleaning.py makes names, types, keys and nulls good
catalog/          sixty families of made-up databases, for those who have none
contents.py       the rows that a problem shows; hidden.py and strangers.py: those that it never shows
synthesize.py     a correct program over them (programs/: its parts); intent.py and views.py: what it is for
mutate.py         the table of bugs (mutations/: its parts)
trials.py         what is tried against a problem; certify.py: the gates; problems.py: what passes them all
split.py          which database serves which split
experts.py        recorded episodes of the reference teacher (reference_teacher/) and of the agents
export.py         the folder that load_dataset reads: parquet_files.py, card.py and report.py with the
                  figures that figures.py counts and plots.py draws
verify.py         checks a finished folder with code of its own (checking/); stats.py counts what is in it

build.py          all of that in one go (pipeline/: jobs, rounds, selection, resuming); presets.py: the sizes
cli.py            python -m dataset_builder: the commands

llm.py            a model behind a server (dsl_debug/policies/endpoint.py) writes programs and mistakes;
                  teacher.py has it play
traces.py         traces of evaluations as rows, and a dataset of such rows

python_bugs/      the arena's curriculum: hand-written bugs, a library to mutate, other people's lists, checks
arena.py          all problems of the arena, split by family; arena_export.py: a folder of them alone
"""
