"""What people and models write in place of what the language has: literal tables that messages draw from.

Keys are in lower case; `{word}` in a text stands for the dialect's word.
"""

# Stages, functions, directions and `emit` under the names that other languages have for them.
ELSEWHERE: dict[str, str] = {
    **dict.fromkeys(("where", "having", "only", "subset"), "filter"),
    **dict.fromkeys(("project", "columns", "drop"), "select"),
    **dict.fromkeys(("mutate", "derive", "extend", "assign", "transform", "rename"), "compute"),
    **dict.fromkeys(("with_column", "with_columns", "add_column"), "compute"),
    **dict.fromkeys(("group", "distinct", "unique", "deduplicate", "drop_duplicates"), "group_by"),
    **dict.fromkeys(("summarize", "summarise", "agg"), "aggregate"),
    **dict.fromkeys(("order_by", "orderby", "order", "sort", "arrange", "sort_values"), "sort_by"),
    **dict.fromkeys(("limit", "head", "top", "first"), "take"),
    **dict.fromkeys(("return", "output", "print", "yield", "show", "display"), "emit"),
    **dict.fromkeys(("ascending", "up"), "asc"),
    **dict.fromkeys(("descending", "down"), "desc"),
    **dict.fromkeys(("mean", "average"), "avg"),
    **dict.fromkeys(("total",), "sum"),
    **dict.fromkeys(("minimum",), "min"),
    **dict.fromkeys(("maximum",), "max"),
    **dict.fromkeys(("len", "length", "size", "number"), "count"),
}
# Where a function is wanted, these mean something else than where a stage is.
FUNCTIONS_ELSEWHERE: dict[str, str] = dict.fromkeys(
    ("nunique", "n_unique", "n_distinct", "distinct", "distinct_count", "count_unique", "unique"),
    "count_distinct",
)

# How a stage, a source or a function is written.
SHAPES: dict[str, str] = {
    "load": '{load}("table")',
    "join": "{join}(left, right, {on}: left_column == right_column)",
    "filter": "{filter}(column == value)",
    "select": "{select}(column, ...)",
    "compute": "{compute}(new_column: expression, ...)",
    "group_by": "{group_by}(column, ...)",
    "aggregate": "{aggregate}(new_column: {sum}(column), ...)",
    "sort_by": "{sort_by}(column, {desc})",
    "take": "{take}(5)",
    "sum": "{sum}(column)",
    "avg": "{avg}(column)",
    "min": "{min}(column)",
    "max": "{max}(column)",
    "count": "{count}()",
    "count_distinct": "{count_distinct}(column)",
}

# Characters that are no sign of the language.
SIGNS: dict[str, str] = {
    ";": "a line ends without a sign",
    "[": "lists are written without brackets",
    "{": "there are no braces in this language",
    "#": "a comment starts with --",
    "`": "names are written without quotes",
    "%": "there is no remainder operator",
    "^": "there is no power operator",
    **dict.fromkeys("&\u2227", "conditions are joined with '{and}'"),
    "\u2228": "conditions are joined with '{or}'",
    **dict.fromkeys("~\u00ac", "a condition is negated with '{not}'"),
    "\u2265": "did you mean '>='?",
    "\u2264": "did you mean '<='?",
    "\u2260": "did you mean '!='?",
    "\u00d7": "did you mean '*'?",
    "\u00f7": "did you mean '/'?",
    **dict.fromkeys("\u2013\u2014\u2212", "did you mean '-'?"),
    "\uff08": "did you mean '('?",
    "\uff09": "did you mean ')'?",
    "\uff0c": "did you mean ','?",
    "\uff1a": "did you mean ':'?",
    "\uff1d": "did you mean '='?",
}

# Comparisons of other languages, by sign and by word.
COMPARISON_SIGNS: dict[str, str] = {
    "===": "==",
    "<>": "!=",
    "!==": "!=",
    "=!": "!=",
    "=<": "<=",
    "=>": ">=",
    "<==": "<=",
    ">==": ">=",
}
COMPARISON_WORDS: dict[str, str] = {
    "in": "compare with each value: {column} == ... {or} {column} == ...",
    "between": "write both bounds: {column} >= ... {and} {column} <= ...",
    **dict.fromkeys(("like", "contains", "matches"), "texts are compared as a whole; there are no patterns"),
    "is": "there is no null: every row has a value",
}

# Values that the language does not have.
NO_VALUES: dict[str, str] = {
    **dict.fromkeys(("null", "none", "nil", "nan", "na"), "there is no null: every row has a value"),
    **dict.fromkeys(("true", "false"), "there are no booleans: values are numbers and texts"),
}
