"""The figures of an audit -> docs/audit-published.md. Every figure on the page comes from them."""

from benchmarks.audit.checks import CONTENTS, WORDS
from benchmarks.audit.figures import ALIKE, ALL, OUTPUT, PAID
from benchmarks.audit.tables import Page, Results, code_block, plain_table, prose
from dsl_debug.agents.edits import EDITS

CERTIFIED = {
    "contents": "at least one of the other contents is of use",
    "suites": "three or more are: hidden suites can be made",
    "certifiable": "passes all of our gates as it is",
}

LABELS = OUTPUT | PAID | CERTIFIED | {"near_wrong": "one edit from either program, wrong on other contents"}
LEVELS = (
    "one_row",
    "tie",
    "single_row_emitter",
    "emitter",
    "shortcut",
    "near_wrong",
    "suites",
    "certifiable",
)
"""The checks that are shown by difficulty as well."""


def render(results: Results) -> str:
    """The page, in Markdown."""
    page = Page(results)
    parts = [
        introduction(page),
        output(page),
        paid(page),
        neighbours(page),
        hidden(page),
        players(page),
        gates(page),
        f"## By difficulty\n\n{page.by_difficulty({check: LABELS[check] for check in LEVELS})}",
        repeats(page),
        *map(example, results["examples"]),
        consequences(page),
        limits(page),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def introduction(page: Page) -> str:
    split, every = page.results["splits"][page.main], page.results["run"]["every"]
    part = "" if every == 1 else f", one in {every} of each file"
    files = ", ".join(f"`{file}` ({count})" for file, count in page.results["files"].items())
    suites = page.rate("suites")["count"]
    each = page.count("suites") / suites if suites else 0
    text = f"""
Written by `python -m benchmarks.audit_published PATH --write-docs`; do not edit. Problems: {files}{part}.

What does the published reward, "the rows shown come out", pay for? Every problem is asked what its expected
rows look like; which wrong programs give them; how many of these are refused by hidden suites that our own
certifier makes out of its tables; what players without a model earn; and whether it would pass the gates of a
build. Figures are over the {split["problems"]} problems of `{page.main}`, from {split["databases"]}
databases, unless another split is named.

- A constant emitter for one row is paid on {page.of("single_row_emitter")}; our full one, which prints any
number of rows, on {page.of("emitter")}.
- On {page.of("near_wrong")} some program within one edit of the correct or of the buggy one is paid and is
wrong on other contents of the same tables. Counting only problems for which there are other contents of use:
{page.of("near_wrong", "contents")}.
- On {page.of("tie")} a tie that nothing decides picks or orders the expected rows.
- Hidden suites can be made for {page.of("suites")}, {each:.1f} suites each. There they still pay the emitter
on {page.of("kept_emitter", "suites")}, and a wrong neighbour of the correct program on
{page.of("kept_correct_wrong", "suites")}.{searched(page)}
- {page.of("certifiable")} would be certified as
they are.

Cells give problems, their share, and its 95% interval (Wilson). The problems come from few databases and are
alike in form, so the intervals are rather too narrow for problems of other databases.
"""
    return f"# The published benchmark, audited\n\n{prose(text)}"


def searched(page: Page) -> str:
    """What the strongest player without a model earns, if it played."""
    if "search" not in page.results["agents"]:
        return ""
    shown, robust = (page.of(check, "suites") for check in ("agent_search", "kept_agent_search"))
    return f"\n- The player that searches is paid there on {shown} by the rows shown, on {robust} robustly."


def output(page: Page) -> str:
    text = """
A tie: the program sorts, and gives other rows when the stored ones come in the reverse order. A program that
is right and happens to break the tie otherwise is refused.
"""
    return f"## What the expected rows look like\n\n{page.table(OUTPUT)}\n\n{prose(text)}"


def paid(page: Page) -> str:
    text = f"""
A single row is expected on {page.of("one_row")}. The emitter for one row is paid on
{page.of("single_row_emitter")}: the language can write numbers and texts as constants, so one pipe prints any
row. Key filters are written from the stored tables and from the steps of the buggy program, without the
correct one. "Wrong on other contents" needs contents of use, on which the correct program gives rows in an
order that is decided; there are some for {page.of("contents")}. Where there are none nothing counts as wrong,
so these figures are floors: of the problems with some, {page.of("near_wrong", "contents")} pay a wrong
program within one edit.
"""
    return f"## What the rows shown pay for\n\n{page.table(PAID)}\n\n{prose(text)}"


def neighbours(page: Page) -> str:
    kinds = ("tried", "failing", "told_apart", "equivalent", "wrong")
    sums = [
        [f"of the {who} program", *(f"{page.count(f'{who}_{kind}'):,}" for kind in kinds)]
        for who in ("correct", "buggy")
    ]
    totals = plain_table(["", "tried", "fail", "other rows", "right everywhere", "paid, and wrong"], sums)
    rows = [[label, page.cell(check), _and_wrong(page, check)] for check, label in ALIKE.items()]
    by_kind = plain_table(["edit", "gives the rows shown", "and is wrong elsewhere"], rows)
    text = """
Neighbours of the correct program by the kind of edit: problems where some neighbour gives the rows shown,
and, of the problems with other contents, those where such a neighbour is wrong. Many that give the rows shown
are the correct program in other words: writing a stage such as a filter twice changes nothing.
"""
    head = "## Neighbours\n\nPrograms within one edit, as our certifier tries them:"
    return "\n\n".join((head, totals, prose(text), by_kind))


def _and_wrong(page: Page, check: str) -> str:
    kind = check.removeprefix("alike_")
    return page.cell(f"wrong_{kind}", "contents") if kind in EDITS else ""


def hidden(page: Page) -> str:
    """What is left of wrong programs where there are hidden suites."""
    checks = [check for check in PAID if check != "near_wrong"]
    rows = [
        [PAID[check], page.cell(check, "suites"), page.cell(f"kept_{check}", "suites")] for check in checks
    ]
    before = f"""
Our certifier picks hidden suites out of {CONTENTS} other contents of the tables: as many as it takes to
refuse all attacks and neighbours, at least 3, then up to 6 to refuse shortcuts. It finds some for
{page.of("suites")}. There, a wrong program of each kind is paid on:
"""
    after = """
The suites are chosen to refuse emitters, key filters and neighbours, so little can be left of these; how many
suites that takes, and for how many problems there are some, is what was not known. Shortcuts they refuse as
far as 6 suites go.
"""
    header = ["", "by the rows shown", "with hidden suites"]
    return f"## With hidden suites\n\n{prose(before)}\n\n{plain_table(header, rows)}\n\n{prose(after)}"


def players(page: Page) -> str:
    names = page.results["agents"]
    if not names:
        return ""
    rows = [
        [
            f"`{name}`",
            page.cell(f"agent_{name}"),
            page.cell(f"agent_{name}", "suites"),
            page.cell(f"kept_agent_{name}", "suites"),
        ]
        for name in names
    ]
    header = ["paid", "by the rows shown", "the same, problems with suites", "hidden suites too"]
    robust = page.table({f"kept_agent_{name}": f"`{name}`" for name in names}, "suites")
    return f"""## Players without a model

{plain_table(header, rows)}

The last column by category:

{robust}"""


def gates(page: Page) -> str:
    found = [r for r in page.results["refusals"] if (r["split"], r["group"]) == (page.main, ALL)]
    rows = [[r["reason"], str(r["first"]), str(r["any"])] for r in found]
    text = """
The gate that asks whether a bug is of its category is left out for intent_mismatch, since published problems
do not say what the single mistakes are. Gates that need hidden suites were not asked where there are none.
"""
    return f"""## Certified as they are

{page.table(CERTIFIED)}

Why our gates refuse the others: by the first gate that does, and by each on its own.

{plain_table(["reason", "first", "on its own"], rows)}

{prose(text)}"""


def repeats(page: Page) -> str:
    splits = page.results["splits"]
    repeated = ", ".join(f"{facts['repeated']} in `{name}`" for name, facts in splits.items())
    text = f"Problems whose correct program, but for names of statements, the split has already: {repeated}."
    rows = [
        [
            f"`{s['split']}` in `{s['other']}`",
            *(str(s[n]) for n in ("problems", "same_program", "same_database")),
        ]
        for s in page.results["shared"]
    ]
    shared = plain_table(["", "problems", "same correct program", "same database"], rows)
    return "\n\n".join(part for part in ("## Repeats", prose(text), shared) if part)


def example(shown: Results) -> str:
    """A problem with a program that is paid though it is wrong."""
    where = f"({shown['category']}, {shown['difficulty']}, database `{shown['database']}`)"
    parts = [
        f"## Example: {shown['title'].lower()}",
        code_block(f"Problem `{shown['id']}` {where}. The correct program", shown["correct"]),
        code_block("gives", shown["expected"]),
    ]
    if "turned" in shown:
        return "\n\n".join([*parts, code_block(shown["said"], shown["turned"])])
    if "buggy" in shown:
        parts.append(code_block("The buggy program:", shown["buggy"]))
    elsewhere = shown["elsewhere"]
    parts += [
        code_block(f"Paid as well. {shown['said']}", shown["wrong"]),
        code_block("On other contents of the tables the correct program gives", elsewhere["correct"]),
        code_block("and the other one", elsewhere["wrong"]),
    ]
    return "\n\n".join(parts)


def consequences(page: Page) -> str:
    text = f"""
- A figure measured by the rows shown is a ceiling: programs that are wrong are paid, whether a policy seeks
them or not. The published training rewarded by the same rule.
- Single rows can be had as constants, and ties refuse programs that are right. A build drops both, and would
keep {page.of("certifiable")} of these problems as they are.
- Comparisons of methods over the published problems stay useful where all are scored in one way. To know what
a model can do takes problems with hidden suites; {page.of("suites")} of these can be given some, the others
need other programs.
"""
    return f"## What follows\n\n{prose(text)}"


def limits(page: Page) -> str:
    run, agents = page.results["run"], ",".join(page.results["agents"]) or "none"
    split = page.results["splits"][page.main]
    text = f"""
- Hidden contents are made from the rows that a problem publishes, {split["median_rows"]:g} a table at the
median and {split["most_rows"]} at most, not from the databases; keys and foreign keys are inferred from names
and values. What holds in the real database without being seen in these rows may be broken in other contents,
and a program that relies on it then counts as wrong.
- "Right everywhere" means on those of the {CONTENTS} other contents that are of use: some that count as right
are wrong.
- One edit is what our table of {len(EDITS)} kinds makes, of which {len(WORDS)} put one word for another.
- A build tries a program on 12 other contents, not {CONTENTS}: here a problem has more chances to get suites,
and more to be found ambiguous.
- The player that searches was developed on these very problems.

Made in {run["minutes"]} minutes by {run["workers"]} processes, in {run["processor_minutes"]} minutes of
processor time: other work on the machine makes the difference
(`--workers {run["workers"]} --agents {agents}`).
"""
    return f"## Limits\n\n{prose(text)}"
