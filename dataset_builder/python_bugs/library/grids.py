"""Grids: lists of rows."""

from dataset_builder.python_bugs.inputs import choices, grids, integers, mapped, tuples


def row_sums(grid: list[list[int]]) -> list[int]:
    """Return the sum of each row."""
    sums = []
    for row in grid:
        total = 0
        for cell in row:
            total += cell
        sums.append(total)
    return sums


def largest_column(grid: list[list[int]]) -> int:
    """Return the index of the column with the largest sum, the first of several."""
    best = 0
    best_sum = sum(row[0] for row in grid)
    for column in range(1, len(grid[0])):
        column_sum = sum(row[column] for row in grid)
        if column_sum > best_sum:
            best, best_sum = column, column_sum
    return best


def mirrored(grid: list[list[int]]) -> list[list[int]]:
    """Return the grid with left and right swapped."""
    return [row[::-1] for row in grid]


def border_sum(grid: list[list[int]]) -> int:
    """Return the sum of the cells in the first and last row and column, each counted once."""
    total = 0
    for y, row in enumerate(grid):
        for x, cell in enumerate(row):
            if y == 0 or y == len(grid) - 1 or x == 0 or x == len(row) - 1:
                total += cell
    return total


def mine_counts(mines: list[list[bool]]) -> list[list[int]]:
    """Return for each cell how many mines are in the cells above, below, left and right of it."""
    counts = []
    for y, row in enumerate(mines):
        line = []
        for x in range(len(row)):
            count = 0
            for near_y, near_x in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= near_y < len(mines) and 0 <= near_x < len(row) and mines[near_y][near_x]:
                    count += 1
            line.append(count)
        counts.append(line)
    return counts


def is_symmetric(grid: list[list[int]]) -> bool:
    """Return whether a square grid is its own mirror image along the diagonal from top left to bottom
    right.
    """
    for y in range(len(grid)):
        for x in range(y):
            if grid[y][x] != grid[x][y]:
                return False
    return True


def cheapest_path(costs: list[list[int]]) -> int:
    """Return the lowest sum of costs on a way from the top left to the bottom right cell, going right or
    down only.
    """
    best = [list(row) for row in costs]
    for y in range(len(best)):
        for x in range(len(best[0])):
            if y > 0 and x > 0:
                best[y][x] += min(best[y - 1][x], best[y][x - 1])
            elif y > 0:
                best[y][x] += best[y - 1][x]
            elif x > 0:
                best[y][x] += best[y][x - 1]
    return best[-1][-1]


def _square(grid: list[list[int]]) -> list[list[int]]:
    size = min(len(grid), len(grid[0]))
    return [row[:size] for row in grid[:size]]


def _nearly_symmetric(drawn: tuple[list[list[int]], int]) -> list[list[int]]:
    grid, change = _square(drawn[0]), drawn[1]
    grid = [[grid[max(y, x)][min(y, x)] for x in range(len(grid))] for y in range(len(grid))]
    grid[0][-1] += change
    return grid


FUNCTIONS = {
    row_sums: tuples(grids(integers(-3, 9), 3)),
    largest_column: tuples(grids(integers(0, 5), 4)),
    mirrored: tuples(grids(integers(0, 9), 3)),
    border_sum: tuples(grids(integers(1, 9), 4)),
    mine_counts: tuples(grids(choices(True, False), 3)),
    is_symmetric: tuples(mapped(_nearly_symmetric, tuples(grids(integers(0, 2), 3), integers(0, 1)))),
    cheapest_path: tuples(grids(integers(0, 9), 4)),
}
