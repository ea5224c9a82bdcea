"""The reference teacher at work: it carries out a plan in a real episode and says what it sees and intends.

Each remark first takes up the answer to the call before, then says what comes next and why. What it says of
tables is computed from the text of observations, as any player would read it.
"""

import re
from collections.abc import Callable
from itertools import islice
from random import Random

from dataset_builder.reference_teacher.changes import Change, parsed
from dataset_builder.reference_teacher.evidence import error_evidence, evidence
from dataset_builder.reference_teacher.facts import (
    Fact,
    contents,
    counted,
    differences,
    error_facts,
    fact,
    names,
    quotable,
    symptom,
)
from dataset_builder.reference_teacher.phrases import REASONS
from dataset_builder.reference_teacher.plan import Move, Scene, downstream, wanted_values
from dataset_builder.reference_teacher.words import Voice
from dsl_debug import lang
from dsl_debug.agents.edits import EDITS
from dsl_debug.agents.rewrite import imagined
from dsl_debug.agents.seen import Seen, read_table
from dsl_debug.lang import DslError, Program, print_program
from dsl_debug.lang.table import cell

Call = tuple[str, dict[str, str]]
Send = Callable[[str, list[Call]], list[str]]

MAX_FRAGMENT = 110
MAX_EXPLAINED = 3
MAX_EDITS, MAX_TRIED = 150, 5
_RULE = re.compile(r"^- (.+)$", re.MULTILINE)

# What is wrong with a result -> kinds of edits (see `dsl_debug.agents.edits`) that may come to mind.
IDEAS: dict[str, tuple[str, ...]] = {
    "rows": ("comparison", "number", "logic", "drop_stage"),
    "order": ("direction",),
    "values": ("function", "function", "arithmetic", "comparison", "join_key"),
    "columns": ("column",),
}


class Player:
    """One episode of the teacher. `send(remark, calls)` takes a turn and returns the answer to each call."""

    def __init__(self, scene: Scene, rng: Random, send: Send) -> None:
        self.scene = scene
        self.rng = rng
        self.send = send
        self.voice = Voice(rng)
        self.current = scene.problem.buggy_code
        self.fixed = 0  # how many of the changes are made
        self.explained = 0
        self.pending = ""  # what the last answer led to, to be said next
        self.last: Seen | None = None  # the result of the last run
        self.held: dict[str, str] = {}  # values that were seen -> their columns
        self.error = ""  # what the last run failed with
        self.begun = False

    def play(self, moves: list[Move]) -> None:
        """Carry out all moves, the last of which submits."""
        for move in moves:
            MOVES[move.kind](self, move)
            self.begun = True

    # Saying

    def say(self, *facts: Fact) -> str:
        """The facts in words."""
        return " ".join(self.voice.say(key, slots) for key, slots in facts)

    def take(self, intention: str, *calls: Call) -> list[str]:
        """A turn: what is left to say about the last answer, then what comes next."""
        remark = " ".join(part for part in (self.pending, intention) if part)
        self.pending = ""
        return self.send(remark, list(calls))

    def maybe(self, chance: float) -> bool:
        """True with this chance."""
        return self.rng.random() < chance

    # Moves

    def run(self, move: Move) -> None:
        """Run the buggy program."""
        intention = self.say(self.opening())
        answer = self.take(intention, ("run", {"code": self.current}))[0]
        self.pending = self.about_result(answer)

    def opening(self) -> Fact:
        """What leads to the first run: now and then it says what is expected."""
        goal = self.scene.seen.goal
        value = cell(next(iter(goal.table.columns.values()))[0]) if goal.table.length else ""
        if self.begun or not quotable(value) or self.maybe(0.6):
            return fact("run_now" if self.begun else "run_first")
        slots = {"value": value, "column": goal.table.names[0], "columns": names(goal.table.names)}
        return Fact("run_first_goal", slots | {"rows": counted(goal.rows)})

    def look(self, move: Move) -> None:
        """Inspect tables of the buggy program or stored ones."""
        if len(move.names) > 1:
            intention = self.say(fact("look_two", both=names(move.names)))
        else:
            key = "look_node" if move.names[0] in self.scene.nodes else "look_table"
            intention = self.say(fact(key, name=move.names[0]))
        calls = [("inspect", {"node_name": name}) for name in move.names]
        answers = self.take(intention, *calls)
        limit = 2 if len(answers) == 1 else 1
        about = [self.about_table(n, a, limit) for n, a in zip(move.names, answers, strict=True)]
        self.pending = " ".join(about)

    def docs(self, move: Move) -> None:
        """Read a page of the reference."""
        dialect = self.scene.problem.dialect
        topic = move.names[0]
        word = dialect.words().get(topic, topic)
        overview = topic == "overview"
        key = "docs" if not overview else self.rng.choice(("docs_overview", "docs_words"))
        answer = self.take(self.say(fact(key, topic=word, words=self.strange_words())), page(word))[0]
        if overview:
            self.pending = self.say(fact("read_overview"))
            return
        rules = [r for r in _RULE.findall(answer)[:3] if len(r) <= 160 and '"' not in r]
        key = "read_rule" if rules and self.maybe(0.6) else "read"
        self.pending = self.say(fact(key, rule=self.rng.choice(rules) if rules else ""))

    def strange_words(self) -> str:
        """Two or three words of the program that belong to its dialect."""
        problem = self.scene.problem
        found = re.findall(r"[^\W\d]\w*", problem.buggy_code)
        words = [w for w in dict.fromkeys(found) if problem.dialect.canonical(w)]
        return names(self.rng.sample(words, min(len(words), self.rng.randint(2, 3))))

    def guess(self, move: Move) -> None:
        """Try an edit that could be the fix by the look of the result, and is not; else look on."""
        found = self.wrong_edit()
        if found is None:
            self.pending = self.pending or self.say(fact("think"))
            return
        code, old, new = found
        key = "guess" if old and new else "guess_drop" if old else "guess_add"
        answer = self.take(self.say(fact(key, old=old, new=new)), ("run", {"code": code}))[0]
        before, seen = self.last, read_table(answer)
        if before and seen and before.matches(seen):
            self.pending = self.say(fact("no_change"))
        else:
            self.pending = " ".join([self.say(fact("still")), self.about_result(answer)])
        self.last = before

    def part(self, move: Move) -> None:
        """Make one of several changes, and run the program with it."""
        reason = self.explain(move.number + 1)
        self.make(move.number)
        answer = self.take(f"{reason} {self.say(fact('try_part'))}", ("run", {"code": self.current}))[0]
        self.pending = self.about_result(answer)

    def probe(self, move: Move) -> None:
        """Inspect the table that the last change makes, in the corrected program."""
        reason = self.explain(len(self.scene.fixes))
        self.make(len(self.scene.fixes) - 1)
        name = self.scene.fixes[-1].statement
        calls = ("inspect", {"node_name": name, "code": self.current})
        answer = self.take(f"{reason} {self.say(fact('probe', name=name))}", calls)[0]
        self.pending = self.about_table(name, answer, 2, verdict=False)

    def final(self, move: Move) -> None:
        """Run the corrected program."""
        reason = self.explain(len(self.scene.fixes))
        self.make(len(self.scene.fixes) - 1)
        next_ = self.say(fact("try" if reason else "verify_whole"))
        intention = f"{reason} {next_}" if reason and self.maybe(0.8) else reason or next_
        answer = self.take(intention, ("run", {"code": self.current}))[0]
        self.pending = self.about_result(answer)

    def submit(self, move: Move) -> None:
        """Hand in the corrected program."""
        reason = self.explain(len(self.scene.fixes))
        self.make(len(self.scene.fixes) - 1)
        self.take(
            " ".join(filter(None, [reason, self.say(fact("submit"))])), ("submit", {"code": self.current})
        )

    def make(self, number: int) -> None:
        """Take over a change and all before it."""
        self.current = self.scene.fixes[number].code
        self.fixed = number + 1

    # Taking up answers

    def about_result(self, answer: str) -> str:
        """What a run's answer shows, beside the rows expected."""
        goal = self.scene.seen.goal
        self.last = read_table(answer)
        self.error = "" if self.last else answer
        if self.last is None:
            return self.say(*error_facts(answer))
        found = differences(self.last, goal)
        if not found:
            return self.say(fact("match", rows=counted(goal.rows)))
        # The number of rows is worth a word where it is right only if something else follows.
        if found[0].key == "rows_same" and (self.maybe(0.5) or len(found) == 1):
            found = found[1:] or [fact("different")]
        count = self.rng.choices((1, 2, 3), (30, 50, 20))[0]
        return self.say(*found[: max(count, 2 if found[0].key == "rows_same" else 1)])

    def about_table(self, name: str, answer: str, limit: int, verdict: bool = True) -> str:
        """What an inspected table shows."""
        seen = read_table(answer)
        if seen is None:
            return self.say(*error_facts(answer))
        focus = dict.fromkeys(c for fix in self.scene.fixes[self.explained :] for c in fix.columns)
        found = contents(name, seen, list(focus), wanted_values(self.scene.fixes[self.explained :]))
        chosen = found[:1] if self.maybe(0.7) or len(found) == 1 else []
        telling = [f for f in found[1:] if f.key == "node_holds"]
        self.held |= {f.slots["value"]: f.slots["column"] for f in telling}
        chosen += (telling or found[1:])[: self.rng.randint(1, limit)]
        if verdict and self.maybe(0.5):
            chosen.append(self.verdict(name))
        return self.say(*chosen)

    def verdict(self, name: str) -> Fact:
        """Whether a table that was looked at seems right, wrong, or made from a wrong one."""
        program = self.scene.seen.program
        changed = [fix.statement for fix in self.scene.fixes[self.fixed :]]
        if program is None or name not in self.scene.nodes:
            return fact("seems_data")
        if name in changed:
            return fact("seems_wrong")
        return fact("seems_late" if name in downstream(program, changed) else "seems_right")

    # Changes

    def explain(self, upto: int) -> str:
        """Why the changes up to a number are made, for those that nothing was said about."""
        fixes = self.scene.fixes[self.explained : upto]
        self.explained = max(self.explained, upto)
        texts = [self.reason(fix) for fix in fixes[: MAX_EXPLAINED if len(fixes) <= MAX_EXPLAINED else 2]]
        if len(fixes) > MAX_EXPLAINED:
            texts.append(self.say(fact("more")))
        return " ".join(texts)

    def reason(self, fix: Change) -> str:
        """Why a change is made."""
        slots = {"old": fix.old, "new": fix.new, "statement": fix.statement, "word": fix.words[1]}
        slots |= {"wrong": fix.words[0], "right": fix.words[1]}
        if not fix.statement or fix.kind == "rewrite":
            return self.say(fact("whole"))
        if any(len(text) > MAX_FRAGMENT or "`" in text for text in (fix.old, fix.new)):
            return self.say(fact("other", **slots), fact("rework"))
        found = evidence(fix, self.scene.seen, self.last)
        if found is None or found.key in ("why_loose", "why_strict"):
            found = self.seen_value(fix) or found
        found = error_evidence(fix, self.error) or found
        key = "order_stages" if fix.kind == "order" else fix.kind
        why = found if found and self.maybe(0.9) else Fact(key if key in REASONS else "other", slots)
        return self.say(why, Fact(self.repair_key(fix), slots))

    def seen_value(self, fix: Change) -> Fact | None:
        """That a value which a filter should compare with was seen in a table."""
        for value in wanted_values([fix]):
            if isinstance(value, str) and value in self.held:
                slots = {"value": str(value), "column": self.held[str(value)]}
                key = "why_held" if fix.old else "why_held_new"
                return Fact(key, slots | {"old": fix.old, "statement": fix.statement})
        return None

    def repair_key(self, fix: Change) -> str:
        """The phrases that announce a change."""
        if not fix.new:
            return "drop"
        if not fix.old:
            return "add"
        wrong, right = fix.words
        if wrong and right and (len(fix.new) > 60 or self.maybe(0.5)):
            return "replace_words"
        return "replace"

    def wrong_edit(self) -> tuple[str, str, str] | None:
        """A program within one edit of the current one that runs and is wrong; the line before and after."""
        problem = self.scene.problem
        program = parsed(self.current, problem.dialect)
        correct = parsed(self.scene.fixes[-1].code, problem.dialect)
        kinds = IDEAS.get(symptom(self.last, self.scene.seen.goal), ())
        if program is None or not kinds:
            return None
        around = imagined(program, self.scene.seen.schemas, {})
        kind = self.rng.choice(kinds)
        edits = list(islice(EDITS[kind](program, around), MAX_EDITS))
        for edit in self.rng.sample(edits, min(MAX_TRIED, len(edits))):
            line = self.one_line(program, edit)
            if edit in (program, correct) or line is None or _orders_texts(*line):
                continue
            code = print_program(edit, problem.dialect)
            if self.is_plausible(code):
                return code, *line
        return None

    def one_line(self, before: Program, after: Program) -> tuple[str, str] | None:
        """The one line in which two programs differ, before and after; None where it is more than one."""
        dialect = self.scene.problem.dialect
        old, new = (print_program(p, dialect).splitlines() for p in (before, after))
        while old and new and old[0] == new[0]:
            del old[0], new[0]
        while old and new and old[-1] == new[-1]:
            del old[-1], new[-1]
        if len(old) > 1 or len(new) > 1:
            return None
        a, b = (" ".join(lines).strip().removeprefix(dialect.pipe).strip() for lines in (old, new))
        return None if max(len(a), len(b)) > MAX_FRAGMENT or "`" in a + b else (a, b)

    def is_plausible(self, code: str) -> bool:
        """Whether a program runs, gives other rows than expected, and no other columns than it should."""
        problem = self.scene.problem
        try:
            given = lang.run(code, problem.tables, dialect=problem.dialect)
        except DslError:
            return False
        expected = problem.expected_output
        columns = given.columns.keys() == expected.columns.keys() or (
            self.last is not None and self.last.table.columns.keys() != expected.columns.keys()
        )
        return columns and given.length > 0 and not given.matches(expected)


MOVES: dict[str, Callable[[Player, Move], None]] = {
    "run": Player.run,
    "look": Player.look,
    "docs": Player.docs,
    "guess": Player.guess,
    "part": Player.part,
    "probe": Player.probe,
    "final": Player.final,
    "submit": Player.submit,
}


def _orders_texts(old: str, new: str) -> bool:
    """Whether a text is ordered in the new line that was not in the old: nobody would think of that."""
    return '"' in new and bool(re.search(r"[<>]", new)) and not re.search(r"[<>]", old)


def page(topic: str) -> Call:
    """The call that reads a page."""
    return "read_docs", {"operation": topic}
