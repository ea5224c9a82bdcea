"""Matrices and grids: lists of rows."""

from dataset_builder.python_bugs.hand_written import HandWritten, case


def transpose(matrix: list[list[int]]) -> list[list[int]]:
    """Return the matrix, a list of rows, with rows and columns swapped, again as a list of lists."""
    return [list(column) for column in zip(*matrix, strict=True)]


TRANSPOSE = HandWritten(
    transpose,
    category="type",
    difficulty="easy",
    change=(
        "return [list(column) for column in zip(*matrix, strict=True)]",
        "return list(zip(*matrix, strict=True))",
    ),
    hint="What kind of thing is each row of the result?",
    tests=(
        case([[1, 2], [3, 4]], gives=[[1, 3], [2, 4]]),
        case([[1, 2, 3]], gives=[[1], [2], [3]]),
        case([[1], [2]], gives=[[1, 2]]),
        case([], gives=[]),
        case([[5]], gives=[[5]]),
        case([[1, 2], [3, 4], [5, 6]], gives=[[1, 3, 5], [2, 4, 6]]),
    ),
    hidden=(
        case([[0, 1], [0, 1]], gives=[[0, 0], [1, 1]]),
        case([[7, 8, 9], [1, 2, 3]], gives=[[7, 1], [8, 2], [9, 3]]),
        case([[-1]], gives=[[-1]]),
        case([[]], gives=[]),
    ),
)


def plot(width: int, height: int, points: list[tuple[int, int]]) -> list[list[str]]:
    """Return a grid of `height` rows and `width` columns with "#" at each point (column, row) and "."
    elsewhere.
    """
    grid = [["."] * width for _ in range(height)]
    for column, row in points:
        grid[row][column] = "#"
    return grid


PLOT = HandWritten(
    plot,
    category="data_structure",
    difficulty="medium",
    change=('[["."] * width for _ in range(height)]', '[["."] * width] * height'),
    hint="How many different rows does the grid really have?",
    tests=(
        case(2, 2, [(0, 0)], gives=[["#", "."], [".", "."]]),
        case(3, 1, [(1, 0)], gives=[[".", "#", "."]]),
        case(2, 2, [], gives=[[".", "."], [".", "."]]),
        case(1, 2, [(0, 1)], gives=[["."], ["#"]]),
        case(2, 3, [(1, 0), (0, 2)], gives=[[".", "#"], [".", "."], ["#", "."]]),
        case(2, 2, [(0, 0), (1, 0), (0, 1), (1, 1)], gives=[["#", "#"], ["#", "#"]]),
    ),
    hidden=(
        case(1, 3, [(0, 0)], gives=[["#"], ["."], ["."]]),
        case(1, 1, [(0, 0)], gives=[["#"]]),
        case(3, 2, [(2, 1)], gives=[[".", ".", "."], [".", ".", "#"]]),
        case(2, 2, [(1, 1), (0, 0)], gives=[["#", "."], [".", "#"]]),
    ),
)


def rotate_clockwise(matrix: list[list[int]]) -> list[list[int]]:
    """Return the matrix turned by a quarter clockwise, so that the first row becomes the last column."""
    return [list(column) for column in zip(*matrix[::-1], strict=True)]


ROTATE_CLOCKWISE = HandWritten(
    rotate_clockwise,
    category="logic",
    difficulty="easy",
    change=("zip(*matrix[::-1], strict=True)", "zip(*matrix, strict=True)"),
    hint="Where should the top left corner end up?",
    tests=(
        case([[1, 2], [3, 4]], gives=[[3, 1], [4, 2]]),
        case([[1, 2, 3]], gives=[[1], [2], [3]]),
        case([[1], [2]], gives=[[2, 1]]),
        case([[9]], gives=[[9]]),
        case([], gives=[]),
        case([[1, 2, 3], [4, 5, 6]], gives=[[4, 1], [5, 2], [6, 3]]),
    ),
    hidden=(
        case([[0, 1], [0, 0]], gives=[[0, 0], [0, 1]]),
        case([[1], [2], [3]], gives=[[3, 2, 1]]),
        case([[5, 6]], gives=[[5], [6]]),
        case([[1, 2, 3], [4, 5, 6], [7, 8, 9]], gives=[[7, 4, 1], [8, 5, 2], [9, 6, 3]]),
    ),
)


def diagonal_sum(matrix: list[list[int]]) -> int:
    """Return the sum of the numbers on the two diagonals of a square matrix, each number counted once."""
    size = len(matrix)
    total = 0
    for index in range(size):
        total += matrix[index][index] + matrix[index][size - 1 - index]
    if size % 2 == 1:
        total -= matrix[size // 2][size // 2]
    return total


DIAGONAL_SUM = HandWritten(
    diagonal_sum,
    category="edge_case",
    difficulty="medium",
    change=("    if size % 2 == 1:\n        total -= matrix[size // 2][size // 2]\n", ""),
    hint="Do the two diagonals ever meet?",
    tests=(
        case([[1, 2], [3, 4]], gives=10),
        case([[1, 2, 3], [4, 5, 6], [7, 8, 9]], gives=25),
        case([[5]], gives=5),
        case([], gives=0),
        case([[0, 0, 0], [0, 7, 0], [0, 0, 0]], gives=7),
        case([[1, 0], [0, 1]], gives=2),
    ),
    hidden=(
        case([[-3]], gives=-3),
        case([[2, 0, 2], [0, 4, 0], [2, 0, 2]], gives=12),
        case([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]], gives=8),
        case([[1, 9, 1], [9, -1, 9], [1, 9, 1]], gives=3),
    ),
)


def spiral(matrix: list[list[int]]) -> list[int]:
    """Return the numbers of a matrix in a clockwise spiral that begins at the top left corner and goes
    right.
    """
    numbers: list[int] = []
    top, bottom = 0, len(matrix) - 1
    left, right = 0, len(matrix[0]) - 1 if matrix else -1
    while top <= bottom and left <= right:
        numbers += [matrix[top][column] for column in range(left, right + 1)]
        numbers += [matrix[row][right] for row in range(top + 1, bottom + 1)]
        if top < bottom and left < right:
            numbers += [matrix[bottom][column] for column in range(right - 1, left - 1, -1)]
            numbers += [matrix[row][left] for row in range(bottom - 1, top, -1)]
        top, bottom, left, right = top + 1, bottom - 1, left + 1, right - 1
    return numbers


SPIRAL = HandWritten(
    spiral,
    category="edge_case",
    difficulty="hard",
    change=("if top < bottom and left < right:", "if top < bottom:"),
    hint="What is left to walk back along when the ring is a single column?",
    tests=(
        case([[1, 2], [4, 3]], gives=[1, 2, 3, 4]),
        case([[1, 2, 3], [8, 9, 4], [7, 6, 5]], gives=[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        case([[1], [2], [3]], gives=[1, 2, 3]),
        case([[1, 2, 3]], gives=[1, 2, 3]),
        case([], gives=[]),
        case([[1, 2, 3], [10, 11, 4], [9, 12, 5], [8, 7, 6]], gives=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ),
    hidden=(
        case([[5]], gives=[5]),
        case([[1], [2], [3], [4]], gives=[1, 2, 3, 4]),
        case([[1, 2, 3, 4], [8, 7, 6, 5]], gives=[1, 2, 3, 4, 5, 6, 7, 8]),
        case([[1, 2], [6, 3], [5, 4]], gives=[1, 2, 3, 4, 5, 6]),
        case(
            [[1, 2, 3], [12, 13, 4], [11, 14, 5], [10, 15, 6], [9, 8, 7]],
            gives=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        ),
    ),
)


def spread_fire(forest: list[list[int]]) -> list[list[int]]:
    """Return the forest one step later: a burning cell (1) burns on and sets fire to the cells above,
    below, left and right.
    """
    after = [list(row) for row in forest]
    for y, row in enumerate(forest):
        for x, burning in enumerate(row):
            if burning:
                for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                    if 0 <= j < len(forest) and 0 <= i < len(row):
                        after[j][i] = 1
    return after


SPREAD_FIRE = HandWritten(
    spread_fire,
    category="argument_mutation",
    difficulty="hard",
    change=("after = [list(row) for row in forest]", "after = list(forest)"),
    hint="Can a cell that caught fire in this step already set fire to the next one?",
    tests=(
        case([[1, 0, 0]], gives=[[1, 1, 0]]),
        case([[0, 0, 1]], gives=[[0, 1, 1]]),
        case([[0, 0], [0, 0]], gives=[[0, 0], [0, 0]]),
        case([[1]], gives=[[1]]),
        case([], gives=[]),
        case([[1, 0], [0, 0]], gives=[[1, 1], [1, 0]]),
        case([[0, 0, 0], [0, 1, 0], [0, 0, 0]], gives=[[0, 1, 0], [1, 1, 1], [0, 1, 0]]),
    ),
    hidden=(
        case([[1], [0], [0]], gives=[[1], [1], [0]]),
        case([[0, 1, 0, 0, 0]], gives=[[1, 1, 1, 0, 0]]),
        case([[0]], gives=[[0]]),
        case([[1, 0, 0], [0, 0, 0], [0, 0, 0]], gives=[[1, 1, 0], [1, 0, 0], [0, 0, 0]]),
        case([[0, 0], [0, 1]], gives=[[0, 1], [1, 1]]),
    ),
)

BUGS = (TRANSPOSE, PLOT, ROTATE_CLOCKWISE, DIAGONAL_SUM, SPIRAL, SPREAD_FIRE)
