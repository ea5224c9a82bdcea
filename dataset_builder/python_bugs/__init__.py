"""The DebugArena curriculum: buggy Python functions, with visible and hidden tests.

families/       hand-written bugs: a correct function, one change that breaks it, and tests, side by side
library/        more correct functions, each with the inputs that it is made for
mutate.py       library functions and the mistakes of dsl_debug.agents.python_mutations become problems
importing.py    other people's lists of bugs become problems
cases.py        the plain data of tests, and what runs them
checks.py       what every problem has to stand up to, wherever it comes from
"""
