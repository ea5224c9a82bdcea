"""The measure of shortcuts finds a planted leak, and reads a built dataset."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("datasets", reason="needs datasets: pip install 'dsl-debug[build]'")

from benchmarks.shortcuts import measured
from dsl_debug.data import sample_problems
from tests.conftest import ROOT


def test_without_hidden_tables_shortcuts_leak() -> None:
    problems = sample_problems()
    open_to_all = [measured(replace(problem, hidden=())) for problem in problems]
    assert sum("leak" in found for found in open_to_all) > sum("leak" in measured(p) for p in problems)
    assert all(found <= {"shown", "paid", "leak", "often"} for found in open_to_all)


def test_a_built_folder_is_measured(built_sample: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.shortcuts", str(built_sample), "--every", "12"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    counts = [int(number) for number in re.findall(r": (\d+)$", ran.stdout, re.MULTILINE)]
    assert len(counts) == 5
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 11


def test_a_folder_without_problems_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.shortcuts", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert "has no data/problems/test-*.parquet" in ran.stderr
