"""What a run of tests may use, and what came out of it: plain frozen data."""

from dataclasses import dataclass

REASONS: dict[str, str] = {
    "wrong value": "it returned something else than the test expects",
    "did not raise": "it returned a value where the test expects an exception",
    "error": "it raised an exception that the test does not expect, or another one",
    "syntax error": "its text is not Python",
    "no function": "it does not define the function",
    "bad result": "what it returned is not plain data, or too much, or it wrote to the results itself",
    "timeout": "it ran longer than it may",
    "memory": "it asked for more memory than it may have",
    "too much output": "it printed more than it may",
    "exited": "it ended its process before there was a result",
    "crashed": "its process died of a signal",
}
"""Why a test failed. A fault of the sandbox is not among them: that is a SandboxError."""


class SandboxError(RuntimeError):
    """The sandbox itself cannot do its work; says nothing about the candidate."""


@dataclass(frozen=True)
class Limits:
    """What one candidate may use. All but `total_seconds` hold for each test, which has its own process."""

    seconds: float = 2.0
    """Wall-clock time of one test, counted from when its process is ready to read the candidate."""
    total_seconds: float = 4.0
    """Wall-clock time of all tests of one candidate; tests that it does not suffice for are timeouts."""
    memory_mb: int = 256
    """Address space in MiB, beyond what the warm interpreter has."""
    output_kb: int = 64
    """KiB written to stdout and stderr together."""
    result_kb: int = 256
    """KiB of the returned value as canonical data."""


@dataclass(frozen=True)
class TestResult:
    """One test. Of the texts, nothing is longer than a few hundred characters, output excepted (2,000)."""

    __test__ = False  # not a test class, whatever pytest reads into its name

    passed: bool
    reason: str
    """"" where it passed, else a key of REASONS."""
    shown: str
    """The returned value as Python writes it; "" where there is none."""
    error: str
    """What went wrong, as one line, such as "ZeroDivisionError: division by zero"; "" where nothing did."""
    line: int | None
    """The line of the candidate's text that the error came from, where one is known."""
    output: str
    """The beginning of what it printed, control characters included."""
    seconds: float


@dataclass(frozen=True)
class TestReport:
    """All tests of one candidate, in their order, and the isolation layers that were in force."""

    __test__ = False

    results: tuple[TestResult, ...]
    layers: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return sum(result.passed for result in self.results)

    @property
    def all_passed(self) -> bool:
        """Whether there are tests and every one passed."""
        return bool(self.results) and self.passed == len(self.results)
