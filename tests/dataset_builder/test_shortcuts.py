"""Shortcuts give the rows shown, keep to what they are called, and choose the hidden suites."""

from dataset_builder.certify import MAX_SUITES
from dataset_builder.shortcuts import conditions, shortcuts
from dataset_builder.trials import Stock, Trial
from dsl_debug.agents.bench import Bench
from dsl_debug.lang import Table, parse, print_program
from tests.dataset_builder.shop import shop

SOUND = parse("""
sold = load("orders")
  |> filter(quantity > 9)
  |> sort_by(price, desc)
  |> sort_by(quantity, desc)
emit sold
""")
TABLE = Table({"n": [1, 2, 3, 4, 9], "k": ["a", "b", "b", "c", "c"], "m": [5, 1, 9, 2, 8]})


def texts(kept: list[bool]) -> list[str]:
    stage = 't = load("t") |> filter({})\nemit t'
    found = []
    for condition in conditions(TABLE, kept):
        program = parse(stage.format("n == 1"))
        source = program.statements[0]
        made = type(source.stages[0])(condition)  # a filter with the condition
        changed = type(source)(source.name, source.source, (made,))
        text = print_program(type(program)((changed,), program.emit))
        assert Bench({"t": TABLE}).run(parse(text)) == Table(
            {
                c: [v for v, keep in zip(values, kept, strict=True) if keep]
                for c, values in TABLE.columns.items()
            }
        )
        found.append(text.split("filter(")[1].split(")\n")[0])
    return found


def test_conditions_keep_exactly_the_rows() -> None:
    found = texts([False, True, True, False, False])
    assert "n == 2 or n == 3" in found
    assert "n != 1 and n != 4 and n != 9" in found
    assert 'k == "b"' in found
    assert "n >= 2 and n <= 3" in found
    assert not any(text.startswith("m >=") for text in found)


def test_a_threshold_where_one_parts_the_rows() -> None:
    found = texts([False, False, False, True, True])
    assert "n >= 4" in found
    assert "n > 3" in found
    assert 'k == "c"' in found


def test_all_rows_need_no_condition() -> None:
    assert texts([True] * 5) == []


def test_shortcuts_give_the_rows_shown() -> None:
    bench = Bench(shop(1))
    found = shortcuts(bench, SOUND, None)
    expected = bench.run(SOUND)
    assert len(found) > 5
    assert SOUND not in found
    assert len(set(found)) == len(found)
    assert expected is not None
    assert all((rows := bench.run(program)) is not None and rows.matches(expected) for program in found)
    listed = [text for program in found if "quantity == 10 or" in (text := print_program(program))]
    assert listed  # one of them lists the quantities that were seen


def test_suites_refuse_what_any_other_contents_refuse() -> None:
    trial = Trial(SOUND, Stock(shop(1)), [Stock(shop(seed)) for seed in range(2, 10)])
    found = shortcuts(trial.bench, SOUND, None)
    few = trial.others[:1]
    chosen = trial.completed(few, found, MAX_SUITES)
    assert chosen[:1] == few
    assert len(chosen) <= MAX_SUITES

    def paid(suites: list[object]) -> int:
        return sum(all(suite.accepts(program) for suite in suites) for program in found)  # type: ignore[attr-defined]

    assert paid(list(trial.others)) <= paid(list(chosen)) <= paid(list(few))
