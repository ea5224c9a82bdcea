"""Which databases and problems go where: nothing in two stages, sizes met, caps kept, the same every time."""

from collections.abc import Iterable
from random import Random

import pytest

from dataset_builder.pipeline.rounds import MAX_ROUNDS, PATIENCE, ROUND_ATTEMPTS, SECOND_CHANCE, Yields, plan
from dataset_builder.pipeline.selection import (
    ENOUGH,
    ERRORS,
    ONE_ROW,
    SAME_BUILD,
    SAME_PROGRAM,
    Head,
    select,
)
from dataset_builder.presets import MAX_REPEATS, PRESETS, STAGES, Wanted
from dataset_builder.split import Described, TooFew, deal, group, leakage, without_values
from dsl_debug.lang import parse
from dsl_debug.problem import CATEGORIES

COUNTS = {stage: sum(sizes.values()) for stage, sizes in PRESETS["paper"].wanted().items()}


def database(number: int, tables: Iterable[str] = (), rows: int = 100) -> Described:
    names = [*tables, f"own_{number}"]
    return Described(
        number,
        f"db{number}",
        "test",
        "",
        {name: {"id": "number", "name": "text"} for name in names},
        dict.fromkeys(names, rows),
    )


def databases(count: int) -> list[Described]:
    return [database(number, rows=10 + 7 * number % 200) for number in range(count)]


# ---- presets


def test_presets_have_the_published_sizes() -> None:
    assert COUNTS == {"sft_train": 1593, "sft_validation": 178, "train": 6420, "validation": 199, "test": 858}
    assert PRESETS["paper"].wanted()["test"] == {"standard": 481, "nonlocal": 200, "intent_mismatch": 177}
    assert PRESETS["paper"].wanted()["train"] == {"standard": 3210, "nonlocal": 1605, "intent_mismatch": 1605}
    assert PRESETS["large"].train == 10 * PRESETS["paper"].train


# ---- databases


def test_databases_that_share_a_table_are_one_group() -> None:
    parts = group([database(0, ["a"]), database(1), database(2, ["a", "b"]), database(3, ["b"])])
    assert [[d.number for d in part] for part in parts] == [[0, 2, 3], [1]]


def test_a_table_with_other_types_is_another_table() -> None:
    one, other = database(0, ["a"]), database(1, ["a"])
    other.tables["a"]["id"] = "text"
    assert len(group([one, other])) == 2


def test_every_database_has_one_stage_and_every_stage_its_share() -> None:
    dealt = deal(databases(130), COUNTS, 0)
    assert sorted(d.number for parts in dealt.values() for d in parts) == list(range(130))
    assert all(dealt[stage] for stage in STAGES)
    assert len(dealt["test"]) >= 0.15 * 130
    assert len(dealt["train"]) > 0.5 * 130 > len(dealt["sft_train"]) > len(dealt["validation"])
    assert not any(
        kind["shared"] for kind in leakage({"d": {s: [d.id for d in p] for s, p in dealt.items()}}).values()
    )


def test_no_table_crosses_stages() -> None:
    rng = Random(1)
    linked = [database(n, [f"shared_{rng.randrange(20)}"] if n % 3 == 0 else []) for n in range(80)]
    dealt = deal(linked, COUNTS, 3)
    signatures = {stage: [t for d in parts for t in d.signatures()] for stage, parts in dealt.items()}
    assert leakage({"tables": signatures})["tables"] == {"shared": 0, "between": {}}


@pytest.mark.parametrize("count", [5, 6, 9, 44])
def test_few_databases_are_enough(count: int) -> None:
    dealt = deal(databases(count), COUNTS, 0)
    assert all(dealt.values())
    assert len(dealt["test"]) >= int(0.15 * count)


def test_fewer_groups_than_stages_are_refused() -> None:
    with pytest.raises(TooFew, match="4 usable databases make 4"):
        deal(databases(4), COUNTS, 0)
    with pytest.raises(TooFew, match="9 usable databases make 1"):
        deal([database(n, ["a"]) for n in range(9)], COUNTS, 0)


def test_the_deal_depends_on_the_seed_only() -> None:
    assert deal(databases(60), COUNTS, 1) == deal(databases(60), COUNTS, 1)
    assert deal(databases(60), COUNTS, 1) != deal(databases(60), COUNTS, 2)


def test_leakage_is_found() -> None:
    found = leakage({"programs": {"train": ["a", "b"], "test": ["b", "c"], "validation": ["c", "b"]}})
    assert found["programs"] == {
        "shared": 4,
        "between": {"test, train": 1, "test, validation": 2, "train, validation": 1},
    }


# ---- programs


def test_programs_that_differ_in_values_only_have_one_build() -> None:
    code = 'a = load("t")\n  |> filter(x > 3 and y == "k")\n  |> compute(z: x * 2)\n  |> take(3)\nemit a\n'
    other = code.replace("3", "7").replace('"k"', '"other"').replace("* 2", "* 5")
    assert parse(code) != parse(other)
    assert without_values(parse(code)) == without_values(parse(other))
    assert without_values(parse(code)) != without_values(parse(code.replace("x >", "y >")))
    assert without_values(parse(code)) != without_values(parse(code.replace('"k"', "4")))


# ---- selection


def wanted(**sizes: dict[str, int]) -> Wanted:
    return {**{stage: dict.fromkeys(CATEGORIES, 0) for stage in STAGES}, **sizes}


def head(number: int, *, stage: str = "train", place: str = "a", **more: object) -> Head:
    values = {
        "category": "standard",
        "program": f"program {number}",
        "build": f"build {number}",
        "rows": 3,
        "error": False,
        "code": "",
    }
    return Head(id=f"{number:04}", stage=stage, database=place, file="f", offset=number, **{**values, **more})  # type: ignore[arg-type]


def test_all_databases_have_their_turn() -> None:
    offered = [head(n, place="a") for n in range(20)] + [head(20 + n, place="b") for n in range(3)]
    found = select(offered, wanted(train={"standard": 8}))
    assert [h.id for h in found.heads["train"]] == [
        "0000",
        "0001",
        "0002",
        "0003",
        "0004",
        "0020",
        "0021",
        "0022",
    ]
    assert found.left_out == {ENOUGH: 15}


def test_a_program_is_taken_once_and_for_the_test_split_first() -> None:
    offered = [head(1, program="same"), head(2, stage="test", program="same"), head(3)]
    sizes = wanted(train={"standard": 5}, test={"standard": 5})
    found = select(offered, sizes)
    assert [h.id for h in found.heads["test"]] == ["0002"]
    assert [h.id for h in found.heads["train"]] == ["0003"]
    assert found.left_out == {SAME_PROGRAM: 1}
    assert found.lacking(sizes) == {"train": {"standard": 4}, "test": {"standard": 4}}


def test_one_build_may_repeat_a_few_times_only() -> None:
    found = select([head(n, build="one") for n in range(9)], wanted(train={"standard": 9}))
    assert len(found.heads["train"]) == MAX_REPEATS
    assert found.left_out == {SAME_BUILD: 9 - MAX_REPEATS}


def test_single_rows_and_errors_stay_within_their_caps() -> None:
    offered = [head(n, rows=1) for n in range(10)] + [head(10 + n, error=True) for n in range(10)]
    offered += [head(20 + n) for n in range(20)]
    found = select(offered, wanted(train={"standard": 20}))
    taken = found.heads["train"]
    assert len(taken) == 20
    assert sum(h.rows == 1 for h in taken) == 3
    assert sum(h.error for h in taken) == 5


def test_the_caps_hold_where_problems_are_missing() -> None:
    offered = [head(n, rows=1) for n in range(10)] + [head(10 + n, error=True) for n in range(10)]
    offered += [head(20 + n) for n in range(4)]
    found = select(offered, wanted(train={"standard": 100}))
    taken = found.heads["train"]
    assert sum(h.rows == 1 for h in taken) <= 0.15 * len(taken)
    assert sum(h.error for h in taken) <= 0.25 * len(taken)
    assert {h.id for h in taken} >= {f"{20 + n:04}" for n in range(4)}
    assert found.left_out[ONE_ROW]
    assert found.left_out[ERRORS]


def test_no_error_in_other_categories() -> None:
    offered = [head(n, category="nonlocal", error=True) for n in range(10)]
    assert not select(offered, wanted(train={"nonlocal": 10})).heads["train"]


# ---- rounds


def test_a_round_asks_for_what_lacks_and_for_some_more() -> None:
    dealt = {"train": databases(4), "test": databases(9)[4:]}
    shards = plan({"train": {"standard": 40, "nonlocal": 8}}, dealt, Yields())
    assert {shard.database.number for shard in shards} == {0, 1, 2, 3}
    assert sum(shard.wanted.get("standard", 0) for shard in shards) >= 40
    assert sum(shard.wanted.get("nonlocal", 0) for shard in shards) >= 8


def test_attempts_are_never_made_twice() -> None:
    dealt, yields = {"train": databases(2)}, Yields()
    seen: set[tuple[int, int]] = set()
    for _ in range(3):
        shards = plan({"train": {"standard": 50}}, dealt, yields)
        attempts = [(shard.database.number, n) for shard in shards for n in range(*shard.attempts)]
        assert len(attempts) == len(set(attempts))
        assert not seen & set(attempts)
        seen.update(attempts)
        yields.learn(shards, {(0, "standard"): 3, (1, "standard"): 1}, {0: 64, 1: 64})


def test_databases_that_give_nothing_are_given_up() -> None:
    dealt, yields = {"train": databases(2)}, Yields()
    for _ in range(PATIENCE):
        shards = plan({"train": {"standard": 50}}, dealt, yields)
        assert {shard.database.number for shard in shards} == {0, 1}
        yields.learn(shards, {(1, "standard"): 9}, {0: 64, 1: 64})
    assert {shard.database.number for shard in plan({"train": {"standard": 50}}, dealt, yields)} == {1}
    for _ in range(PATIENCE):
        yields.learn(plan({"train": {"standard": 50}}, dealt, yields), {}, {1: 64})
    assert plan({"train": {"standard": 50}}, dealt, yields) == []
    assert MAX_ROUNDS > 2 * PATIENCE


def test_a_database_without_any_problem_gets_one_small_second_chance() -> None:
    dealt, yields = {"train": databases(2)}, Yields()
    first = plan({"train": {"standard": 900}}, dealt, yields)
    yields.learn(first, {(1, "standard"): 90}, {0: 1000, 1: 1000})
    second = plan({"train": {"standard": 800}}, dealt, yields)
    spans = {n: sum(s.attempts[1] - s.attempts[0] for s in second if s.database.number == n) for n in (0, 1)}
    assert spans == {0: SECOND_CHANCE, 1: ROUND_ATTEMPTS}
