"""Families: matches, races and games."""

from dataset_builder.catalog.columns import (
    bell,
    blend,
    by,
    choice,
    code,
    counted,
    dates,
    decimal,
    follows,
    key,
    money,
    named,
    some,
    to,
    whole,
)
from dataset_builder.catalog.making import Family, Rows

# One line per thought: the formatter would give every column a line of its own.
# fmt: off

FAMILIES = (
    Family("football_league", "Clubs of a football league and the matches of a season", {
        "club": Rows(12, 18, club_id=key(), club=named("city"), stadium_seats=bell(4000, 52000),
                     colour=choice("red:4, blue:4, white:2, green:2, black"), budget_m=money(4, 90, 0.5)),
        "match": Rows(200, 300, match_id=key(), home_id=to("club", skew=0.3),
                      away_id=to("club", unlike="home_id", skew=0.3), matchday=whole(1, 34),
                      home_goals=counted(0, 6), away_goals=counted(0, 5), yellow_cards=whole(0, 7),
                      kickoff=choice("noon:2, afternoon:5, evening:3"), attendance_k=decimal(2, 50),
                      weather=choice("dry:6, rain:3, snow:1")),
    }, "en_GB es_ES de_DE"),

    Family("chess_club", "Players, openings and games of a chess club", {
        "players": Rows(16, 26, player=named("last_name", is_key=True), rating=bell(1100, 2300),
                        team=choice("first:2, second:3, third:3, youth:4"), born=whole(1950, 2010)),
        "openings": Rows(9, 12, eco=code("C{:02}", 20), opening=some("Scotch, Vienna, Ruy Lopez, Petroff, "
                         "Bishop, Evans Gambit, Italian, Philidor, Four Knights, Centre Game, Latvian, "
                         "Ponziani"), style=choice("open:4, sharp:3, solid:3")),
        "games": Rows(220, 320, game=key(), white=to("players"), black=to("players", unlike="white"),
                      eco=to("openings"), round=whole(1, 9), result=choice("1-0:5, 0-1:4, draw:3"),
                      moves=bell(12, 74), minutes_white=bell(5, 60), accuracy=decimal(61, 98)),
    }, "hu_HU pl_PL cs_CZ"),

    Family("marathon", "Runners of a marathon and their times along the course", {
        "runner": Rows(36, 40, bib=key(101), runner=named("person"),
                       category=choice("F30:4, F40:3, M30:5, M40:4, M50:2"),
                       nation=choice("KEN:3, ETH:3, JPN:2, GER:4, USA:4")),
        "checkpoint": Rows(8, 8, point=some("Bridge, Tower, Park, Market, Museum, Station, Stadium, "
                           "Lake", is_key=True), volunteers=whole(4, 18),
                           surface=choice("asphalt:5, cobbles:2, gravel:2"), climb_m=counted(0, 40)),
        "split": Rows(200, 300, bib=to("runner", skew=0.2), point=to("checkpoint", once_per="bib", skew=0.2),
                      minutes=decimal(14, 42), heart_rate=bell(120, 190), cups=counted(0, 5),
                      place=bell(1, 40)),
    }, "en_US de_DE sv_SE"),

    Family("tennis_tour", "Tournaments of a tennis tour, set by set", {
        "tournament": Rows(10, 16, event=named("city", is_key=True),
                           surface=choice("clay:4, grass:2, hard:5, carpet:1"), prize_k=money(20, 400, 5),
                           courts=whole(3, 14)),
        "athlete": Rows(18, 28, athlete_id=key(), surname=named("last_name"), hand=choice("right:6, left:2"),
                        seed=whole(1, 32)),
        "set_played": Rows(220, 340, event=to("tournament"), winner=to("athlete"),
                           loser=to("athlete", unlike="winner"),
                           stage=choice("round 1:6, round 2:4, quarter:3, semi:2, final"),
                           winner_games=whole(6, 7), loser_games=whole(0, 6), aces=counted(0, 12),
                           double_faults=counted(0, 6), length_min=bell(18, 75),
                           court=choice("centre:2, north:4, south:4"), top_speed=decimal(165, 225)),
    }, "fr_FR es_ES en_GB"),

    Family("swim_meet", "Heats of a swimming meeting between clubs", {
        "team": Rows(6, 10, team_code=code("T{:02}"), hometown=named("city"), coach=named("last_name"),
                     pool_m=choice("25 m:5, 50 m:3")),
        "swimmer": Rows(30, 40, licence=key(3001), team_code=to("team", skew=0.3), swimmer=named("person"),
                        age=bell(11, 24)),
        "heat": Rows(220, 320, licence=to("swimmer", skew=0.3),
                     stroke=choice("free:5, back:3, breast:3, butterfly:2, medley:2"),
                     distance=choice("50 m:4, 100 m:4, 200 m:3"), lane=whole(1, 8), rank=whole(1, 8),
                     seconds=by("distance", "50 m:31, 100 m:68, 200 m:149", 0.15), points=bell(180, 260)),
    }, "nl_NL sv_SE"),

    Family("gym", "Members of a gym, its courses and who came when", {
        "member": Rows(28, 40, member_no=key(801), member=named("person"),
                       plan=choice("basic:5, flex:3, premium:2"), age=bell(17, 68),
                       monthly_fee=by("plan", "basic:24, flex:35, premium:59", 0.12)),
        "course": Rows(8, 12, course=some("yoga, spinning, boxing, pilates, rowing, step, dance, stretching, "
                       "core, zumba, crossfit, aqua", is_key=True),
                       room=choice("hall:4, studio:4, pool:1, roof:1"), intensity=whole(1, 5),
                       places=whole(8, 24)),
        "visit": Rows(240, 360, member_no=to("member"), course=to("course"),
                      weekday=choice("Monday:4, Tuesday:3, Thursday:4, Saturday:2"), minutes=bell(20, 90),
                      calories=follows("minutes", 8.5, 20, 0.3, 0), pulse=bell(90, 175),
                      visited=dates("2024-01-08", 56, True)),
    }, "en_US de_DE"),

    Family("sailing_regatta", "Boats of a regatta and their races", {
        "boat": Rows(14, 22, sail_no=code("SUI-{:03}", 11), boat=blend("Wild, Salty, Merry, Swift, "
                     "Lazy", "Gull, Otter, Wind, Duchess, Pelican"),
                     hull=choice("dinghy:4, keel:3, catamaran:2"), crew=whole(1, 6),
                     length_ft=decimal(14, 42)),
        "race": Rows(12, 18, race_no=key(), course=choice("triangle:4, coastal:3, windward:4"),
                     wind_kn=bell(4, 26), legs=whole(3, 8)),
        "finish": Rows(160, 240, race_no=to("race", skew=0.2),
                       sail_no=to("boat", once_per="race_no", skew=0.2), place=bell(1, 20),
                       hours=decimal(0.7, 5.5, 2), penalties=counted(0, 5),
                       outcome=choice("finished:8, retired:2, protest:1")),
    }),
)
