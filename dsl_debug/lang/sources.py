"""The sources: where the first table of a statement comes from."""

from typing import NoReturn

from dsl_debug.lang.errors import did_you_mean, quoted
from dsl_debug.lang.nodes import Column, Join, Load, Ref, Source
from dsl_debug.lang.stages import STAGES, StageParser
from dsl_debug.lang.tokens import Token


class SourceParser(StageParser):
    """The part of the parser that reads `load(...)`, `join(...)` or a name."""

    def table_source(self) -> Source:
        if self.kind in ("pipe", "bad_pipe"):
            self.report_pipe_before_source()
        first = self.token
        word = self.word()
        if self.kind == "name" and self.peek()[1] == "(":
            if word == "load":
                return self.load()
            if word == "join":
                return self.join()
            self.fail_source(first)
        if self.kind == "name" and not self.on_next_statement():
            self.advance()
            if word in ("load", "join") and self.stands_for_a_call():
                self.open(first)
            return Ref(first[1], span=first[2:])
        if self.kind != "bad_pipe":
            self.fail_bad_token()
        load, join = self.dialect.word("load"), self.dialect.word("join")
        help = f'it is {load}("table"), {join}(a, b, {self.dialect.word("on")}: key == key), or a name'
        self.fail("syntax", f"expected where the table comes from, found {self.shown(first)}", first, help)

    def report_pipe_before_source(self) -> None:
        """`name = |> load(...)`; a stage in that place is reported as having no table."""
        kind, following, *_ = self.peek()
        if kind == "name" and self.dialect.canonical(following) not in STAGES:
            message = f"{quoted(self.token[1])} has no table before it"
            self.report(self.failure("syntax", message, self.token, "leave it out"))
            self.advance()

    def stands_for_a_call(self) -> bool:
        """Whether what follows `load` or `join` looks like arguments; alone, it is the name of a table."""
        if self.first_on_line() or self.kind not in ("name", "text"):
            return False
        return self.peek()[1] != "=" and self.word() != "emit"

    def fail_source(self, token: Token) -> NoReturn:
        word = self.dialect.canonical(token[1])
        sources = [self.dialect.word("load"), self.dialect.word("join")]
        if word in STAGES:
            message = f"{quoted(token[1])} needs a table before it"
            help = f"for example: name = other {self.dialect.pipe} {token[1]}(...)"
            self.fail("stage-as-source", message, token, help)
        message = f"unknown source {quoted(token[1])}{did_you_mean(token[1], sources)}"
        self.fail("unknown-word", message, token, f"sources: {', '.join(sources)}, or a name")

    def load(self) -> Load:
        start = self.advance()
        self.open(start)
        kind, text, *_ = token = self.token
        if kind == "name":
            help = f'write {start[1]}("{text}")'
            message = "the table's name is a text in double quotes here"
            self.report(self.failure("syntax", message, token, help))
            self.advance()
            value = text
        else:
            value = self.text_literal("the name of a table in double quotes")
        self.close(start, "load")
        return Load(value, span=(start[2], self.previous_end))

    def join(self) -> Join:
        start = self.advance()
        on = self.dialect.word("on")
        shape = f"{start[1]}(left, right, {on}: left_column == right_column)"
        self.open(start)
        left = self.joined_name(shape)
        self.expect_sign(",", f"',' after {quoted(left.name)}", shape)
        right = self.joined_name(shape)
        self.expect_sign(",", f"', {on}: ...' after {quoted(right.name)}", shape)
        if self.word() != "on":
            self.fail("syntax", f"expected '{on}: ...', found {self.shown(self.token)}", self.token, shape)
        self.advance()
        self.expect_sign(":", f"':' after {quoted(on)}", shape)
        left_key = self.key_column("left")
        if self.token[1] == ")":
            help = f"write {on}: {left_key.name} == {left_key.name} where both tables have that column"
            message = f"{quoted(on)} compares a column of each table"
            self.fail("syntax", message, self.token, help)
        if self.token[1] != "==":
            self.fail_bad_token()
            message = (
                f"rows are joined where two columns are equal: expected '==', found {self.shown(self.token)}"
            )
            self.fail("join-comparison", message, self.token, shape)
        self.advance()
        right_key = self.key_column("right")
        if self.token[1] == "," or (self.word() in ("and", "or") and not self.first_on_line()):
            self.fail("syntax", f"{quoted(start[1])} compares one column of each table", self.token, shape)
        self.close(start, "join")
        return Join(left, right, left_key, right_key, span=(start[2], self.previous_end))

    def joined_name(self, shape: str) -> Ref:
        token = self.expect_name("the name of a table", shape)
        if self.dialect.canonical(token[1]) == "on" and self.token[1] == ":":
            self.fail("syntax", f"{self.quoted_word('join')} takes two tables", token, shape)
        if self.token[1] == "(" or self.kind == "pipe":
            message = f"{self.quoted_word('join')} takes the names of two tables"
            other, source = "other", f"{token[1]} {self.dialect.pipe} ..."
            if self.token[1] == "(":
                table = self.peek()[1]
                is_load = self.dialect.canonical(token[1]) == "load" and self.peek()[0] == "text"
                source = f"{token[1]}({table})" if is_load else f"{token[1]}(...)"
                other = table[1:-1] if is_load and table[1:-1].isidentifier() else other
            self.skip_call()
            self.fail("nested-source", message, token, f"give it a name first: {other} = {source}")
        return Ref(token[1], span=token[2:])

    def skip_call(self) -> None:
        """Skip to what stands behind the parenthesis that is open here, if that is on this line."""
        depth, ahead = 1, 0
        while depth and "\n" not in self.code[self.token[2] : self.peek(ahead)[2]] and ahead < 100:
            depth += {"(": 1, ")": -1}.get(self.peek(ahead)[1], 0)
            ahead += 1
        if not depth:
            for _ in range(ahead):
                self.advance()

    def key_column(self, side: str) -> Column:
        token = self.expect_name(f"a column of the {side} table")
        return Column(token[1], span=token[2:])
