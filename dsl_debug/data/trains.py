"""A regional railway: its lines, and some trains of a week. `planned` and `actual` are minutes on the way."""

from dsl_debug.data.sample import Domain, Mistake, Sample

SHOWN = {
    "lines": """
line,operator,length
R1,Northrail,48
R2,Coastway,31
R3,Inland,75
S4,Valley,22
S5,Coastway,64
S6,Metro,17
S7,Alpine,40
""",
    "trains": """
train_id,line,day,hour,planned,actual,riders
1,S4,mon,7,25,37,79
2,R1,mon,7,42,51,180
3,R1,mon,17,44,44,210
4,R2,mon,8,30,36,95
5,R3,mon,7,66,86,140
6,R3,mon,17,66,72,155
7,S4,tue,8,25,44,79
8,S5,tue,7,58,65,120
9,S5,sun,12,58,60,45
10,R1,tue,8,42,51,180
11,S6,tue,8,19,24,230
12,S6,sat,9,19,27,230
13,S7,mon,9,35,60,65
14,R2,tue,8,30,38,99
15,S7,tue,16,35,46,52
""",
}

HIDDEN = (
    {
        "lines": """
line,operator,length
R1,Coastway,48
R2,Valley,31
R3,Valley,75
S4,Northrail,22
S5,Metro,64
S6,Metro,17
""",
        "trains": """
train_id,line,day,hour,planned,actual,riders
1,R1,mon,7,42,49,100
2,R1,tue,7,42,48,160
3,R2,mon,8,30,39,130
4,R2,mon,9,30,33,125
5,R3,tue,7,66,86,90
6,S4,tue,6,25,32,210
7,S4,tue,7,25,40,35
8,S5,sat,11,58,70,150
9,S5,mon,8,58,63,85
10,S6,mon,8,19,26,260
11,S6,sun,9,19,18,140
12,R3,mon,17,66,75,110
13,R1,mon,17,42,41,95
14,S6,tue,17,19,22,205
""",
    },
    {
        "lines": """
line,operator,length
L1,Inland,90
L2,Inland,12
L3,Harbour,26
L4,Alpine,53
L5,Alpine,41
L6,Metro,17
""",
        "trains": """
train_id,line,day,hour,planned,actual,riders
1,L1,thu,6,80,95,75
2,L1,thu,18,80,88,66
3,L2,thu,7,15,16,190
4,L2,fri,7,15,22,170
5,L3,fri,8,28,34,105
6,L3,sat,8,28,40,50
7,L4,fri,9,55,78,130
8,L4,sun,9,55,57,145
9,L5,thu,10,45,52,60
10,L5,fri,10,45,46,82
11,L6,thu,7,19,27,240
12,L6,fri,7,19,29,215
13,L3,thu,8,28,31,99
14,L4,thu,17,55,64,58
""",
    },
)

LATE_TRAINS = Sample(
    category="standard",
    difficulty="hard",
    intent=(
        "Operators with at least two trains more than five minutes late, but none by twenty minutes or more: "
        "how many trains, the worst delay, and how many riders were in them."
    ),
    correct="""\
-- Operators that are often late, but never by much.
late = load("trains")
  |> compute(delay: actual - planned)
  |> filter(delay > 5)
lines = load("lines")

affected = join(late, lines, on: line == line)
  |> group_by(operator)
  |> aggregate(late_trains: count(), worst: max(delay), riders: sum(riders))

report = affected
  |> filter(late_trains >= 2 and worst < 20)
  |> sort_by(riders, desc)

emit report
""",
    mistakes=(
        Mistake(
            kind="filter_logic",
            description="keeps operators that meet one of the two conditions instead of both",
            right="  |> filter(late_trains >= 2 and worst < 20)",
            wrong="  |> filter(late_trains >= 2 or worst < 20)",
        ),
    ),
)

BUSY_DAYS = Sample(
    category="nonlocal",
    difficulty="hard",
    intent="The riders of each line on its busiest day and on how many days it ran: the four busiest lines.",
    correct="""\
-- The busiest day of each line.
per_day = load("trains")
  |> group_by(line, day)
  |> aggregate(riders: sum(riders))

per_line = per_day
  |> group_by(line)
  |> aggregate(busiest: max(riders), days: count())

lines = load("lines")
report = join(per_line, lines, on: line == line)
  |> sort_by(busiest, desc)
  |> take(4)
  |> select(line, operator, busiest, days)

emit report
""",
    mistakes=(
        Mistake(
            kind="group_key",
            description="adds up the riders of each hour instead of each day",
            right="  |> group_by(line, day)",
            wrong="  |> group_by(line, hour)",
        ),
    ),
)

WEEKDAYS = Sample(
    category="intent_mismatch",
    difficulty="hard",
    intent=(
        "On weekdays, how many minutes late is a train of each operator on average? The three most punctual "
        "operators, the best first."
    ),
    correct="""\
-- Who is on time on weekdays?
weekdays = load("trains")
  |> filter(day != "sat" and day != "sun")
  |> compute(delay: actual - planned)
lines = load("lines")

operators = join(weekdays, lines, on: line == line)
  |> group_by(operator)
  |> aggregate(trains: count(), delay: avg(delay))

report = operators
  |> sort_by(delay, asc)
  |> take(3)

emit report
""",
    mistakes=(
        Mistake(
            kind="filter_logic",
            description="with or, every day passes the filter, because no day is both Saturday and Sunday",
            right='  |> filter(day != "sat" and day != "sun")',
            wrong='  |> filter(day != "sat" or day != "sun")',
        ),
        Mistake(
            kind="aggregate_function",
            description="takes the worst delay instead of the average one",
            right="  |> aggregate(trains: count(), delay: avg(delay))",
            wrong="  |> aggregate(trains: count(), delay: max(delay))",
        ),
        Mistake(
            kind="sort_direction",
            description="puts the least punctual operators first instead of the most punctual ones",
            right="  |> sort_by(delay, asc)",
            wrong="  |> sort_by(delay, desc)",
        ),
    ),
)

TRAINS = Domain("trains", SHOWN, HIDDEN, (LATE_TRAINS, BUSY_DAYS, WEEKDAYS))
