"""A village library: its books, and a year of loans."""

from dsl_debug.data.sample import Domain, Mistake, Sample

SHOWN = {
    "books": """
book_id,title,genre,year
1,The Salt Road,travel,1999
2,Night Ferry,crime,2011
3,A Cold Spring,novel,2000
4,Ten Small Knots,crime,1987
5,The Orchard,novel,2019
6,Over the Pass,travel,2008
7,Blue Hours,poetry,1975
8,Glass Harbour,crime,2011
""",
    "loans": """
loan_id,book_id,member,month,days
301,5,Ben,1,30
302,2,Ida,2,12
303,2,Mia,3,21
304,1,Jon,5,19
305,8,Ida,6,8
306,3,Ben,6,35
307,7,Ada,6,22
308,8,Ida,7,10
309,6,Mia,7,36
310,8,Jon,7,10
311,5,Ben,8,24
312,2,Jon,9,20
313,7,Ada,11,26
314,3,Ada,11,17
315,6,Mia,12,8
""",
}

HIDDEN = (
    {
        "books": """
book_id,title,genre,year
1,The Salt Road,crime,2003
2,Night Ferry,novel,2011
3,A Cold Spring,poetry,2004
4,Ten Small Knots,travel,2016
5,The Orchard,novel,1995
6,Over the Pass,crime,2008
7,Blue Hours,poetry,2012
8,Glass Harbour,travel,1989
""",
        "loans": """
loan_id,book_id,member,month,days
1,3,Ben,7,33
2,7,Ada,8,29
3,3,Mia,9,40
4,1,Ida,7,13
5,6,Ida,3,26
6,2,Jon,10,23
7,2,Jon,12,18
8,5,Mia,2,37
9,4,Ada,4,31
10,8,Ada,11,22
11,7,Ida,1,16
12,3,Jon,5,10
""",
    },
    {
        "books": """
book_id,title,genre,year
1,High Water,novel,1969
2,The Clay Wall,history,2014
3,Paper Boats,novel,2010
4,Salt and Tar,history,2001
5,North of Here,travel,2006
6,Low Sun,poetry,2018
7,The Ninth Step,crime,1999
""",
        "loans": """
loan_id,book_id,member,month,days
1,2,Eva,7,20
2,2,Tom,7,25
3,4,Eva,8,27
4,1,Lea,9,38
5,3,Tom,2,14
6,3,Lea,6,45
7,5,Kim,12,22
8,6,Kim,10,7
9,5,Kim,6,34
10,7,Eva,11,3
11,3,Eva,12,9
12,5,Kim,4,24
13,2,Lea,1,36
""",
    },
)

REMINDERS = Sample(
    category="standard",
    difficulty="easy",
    intent="The loans that ran for more than three weeks, the longest first.",
    correct="""\
-- Loans of more than three weeks: who gets a reminder first?
reminders = load("loans")
  |> filter(days > 21)
  |> sort_by(days, desc)
  |> select(member, book_id, days)

emit reminders
""",
    mistakes=(
        Mistake(
            kind="syntax",
            description="the pipe before sort_by is missing",
            right="  |> sort_by(days, desc)",
            wrong="  sort_by(days, desc)",
        ),
    ),
)

SECOND_HALF = Sample(
    category="nonlocal",
    difficulty="medium",
    intent="How many titles of each genre went out from July on, how often, and for how many days in all.",
    correct="""\
-- The genres in the second half of the year.
recent = load("loans")
  |> filter(month >= 7)

per_book = recent
  |> group_by(book_id)
  |> aggregate(loans: count(), days: sum(days))

books = load("books")
shelf = join(per_book, books, on: book_id == book_id)

genres = shelf
  |> group_by(genre)
  |> aggregate(titles: count(), loans: sum(loans), days: sum(days))
  |> sort_by(days, desc)

emit genres
""",
    mistakes=(
        Mistake(
            kind="filter_operator",
            description="leaves July out of the second half of the year",
            right="  |> filter(month >= 7)",
            wrong="  |> filter(month > 7)",
        ),
    ),
)

READERS = Sample(
    category="intent_mismatch",
    difficulty="medium",
    intent=(
        "For books from 2000 on: how many different members read each genre, and how long they keep a book "
        "on average. The genre that is kept longest comes first."
    ),
    correct="""\
-- Who reads the newer books?
newer = load("books")
  |> filter(year >= 2000)
loans = load("loans")

readers = join(loans, newer, on: book_id == book_id)
  |> group_by(genre)
  |> aggregate(members: count_distinct(member), days: avg(days))
  |> sort_by(days, desc)

emit readers
""",
    mistakes=(
        Mistake(
            kind="filter_operator",
            description="looks at the books from before 2000 instead of those from 2000 on",
            right="  |> filter(year >= 2000)",
            wrong="  |> filter(year < 2000)",
        ),
        Mistake(
            kind="aggregate_function",
            description="counts every loan instead of every member once",
            right="  |> aggregate(members: count_distinct(member), days: avg(days))",
            wrong="  |> aggregate(members: count(member), days: avg(days))",
        ),
    ),
)

LIBRARY = Domain("library", SHOWN, HIDDEN, (REMINDERS, SECOND_HALF, READERS))
