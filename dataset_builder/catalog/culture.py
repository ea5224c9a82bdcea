"""Families: stages, screens, museums, music and print."""

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
    part,
    repeated,
    some,
    to,
    whole,
)
from dataset_builder.catalog.making import Family, Rows

# One line per thought: the formatter would give every column a line of its own.
# fmt: off

FAMILIES = (
    Family("film_festival", "Films of a festival, its juries and their marks", {
        "film": Rows(26, 40, film_id=key(), film_title=blend("Silent, Late, Paper, Salt, Burning, Hollow, "
                     "Second", "River, Morning, Letters, Roads, Summer, Mirror, Winter"),
                     country=choice("Iran:2, France:4, Korea:3, Chile:2, Poland:2"),
                     section=choice("main:4, debut:3, documentary:3, short:3"), runtime=bell(62, 158)),
        "juror": Rows(9, 14, juror_id=key(501), juror=named("person"),
                      profession=choice("director:4, critic:4, actor:3, editor:2")),
        "rating": Rows(180, 280, film_id=to("film", skew=0.4), juror_id=to("juror", once_per="film_id"),
                       story=whole(1, 10), camera=bell(1, 10), sound=bell(1, 10), overall=decimal(2, 10),
                       ballot=choice("first:5, second:3, final:2")),
    }, "fr_FR es_ES pl_PL"),

    Family("cinema", "Halls of a cinema and the shows in them", {
        "hall": Rows(6, 9, hall=some("Rex, Lux, Capitol, Odeon, Astor, Roxy, Apollo, Savoy, "
                     "Gloria", is_key=True), seats=bell(50, 320), screen=choice("normal:5, wide:3, imax:1")),
        "movie": Rows(16, 24, movie_id=key(), movie=blend("The Last, My Other, A Perfect, Return to, "
                      "Goodbye", "Neighbour, Island, Detective, Planet, Wedding, Ghost"),
                      genre=choice("drama:4, comedy:4, horror:2, animation:3, action:3"),
                      age_limit=choice("all:4, from 12:4, from 16:2"), rental=money(80, 900, 5)),
        "showing": Rows(230, 340, movie_id=to("movie"), hall=to("hall"),
                        slot=choice("matinee:3, early:4, prime:5, late:2"),
                        sold=part("hall.seats", 0.02, 0.9), free_tickets=counted(0, 12),
                        popcorn=counted(0, 40), price=by("slot", "matinee:8, early:10.5, prime:13, "
                        "late:9.5", 0.15, 1), day=dates("2024-03-01", 45, True)),
    }),

    Family("city_theatre", "Plays of a theatre, its actors and its evenings", {
        "play": Rows(10, 16, play=blend("The Glass, An Empty, The Blue, A Second, The Iron", "Garden, "
                     "Letter, Guest, Crown, Bridge", is_key=True),
                     style=choice("tragedy:3, comedy:5, musical:2, farce:2"), acts=whole(1, 5),
                     premiere=whole(1995, 2023)),
        "actor": Rows(16, 26, actor_id=key(), actor=named("person"),
                      contract=choice("ensemble:4, guest:3, student:2"), seasons=counted(1, 15)),
        "part_played": Rows(60, 90, play=to("play", skew=0.3), actor_id=to("actor", once_per="play"),
                            size=choice("lead:2, support:4, small:5"), pages=counted(1, 40)),
        "evening": Rows(180, 260, evening_id=key(), play=to("play"),
                        stage=choice("main:5, studio:3, open air:1"), audience=bell(30, 420),
                        curtain_calls=counted(1, 9), programmes=counted(0, 50),
                        box_office=follows("audience", 21, 100, 0.2), date=dates("2023-10-01", 120, True)),
    }, "de_DE it_IT"),

    Family("museum", "Rooms, works and loans of an art museum", {
        "galleries": Rows(8, 12, gallery=code("G{}"), wing=choice("east:3, west:3, old:2, new:2"),
                          guards=whole(1, 5), area_m2=decimal(40, 320)),
        "works": Rows(70, 100, inventory=key(1801), gallery=to("galleries"), artist=repeated("last_name", 14),
                      technique=choice("oil:5, pastel:2, marble:2, print:3, photo:3"), century=whole(15, 20),
                      condition=choice("good:5, fair:3, poor:1")),
        "loans": Rows(160, 240, inventory=to("works", skew=0.3), borrower=repeated("city", 7),
                      weeks=bell(4, 30), insured_k=money(5, 600, 0.5), crates=whole(1, 6),
                      purpose=choice("show:6, research:2, repair:2"), sent=dates("2020-01-01", 900)),
    }, "nl_NL fr_FR"),

    Family("orchestra", "Musicians of an orchestra and their rehearsals", {
        "section": Rows(6, 8, section=some("strings, woodwind, brass, percussion, harp, choir, keyboard, "
                        "organ", is_key=True), leader=named("last_name"), chairs=whole(3, 24)),
        "musician": Rows(30, 40, musician_id=key(), section=to("section", skew=0.9), musician=named("person"),
                         joined=whole(1988, 2023), rank=choice("tutti:6, second:3, solo:2")),
        "rehearsal": Rows(230, 340, musician_id=to("musician", skew=0.3),
                          composer=choice("Mahler:4, Haydn:3, Ravel:3, Elgar:2, Bartok:2"),
                          venue=choice("hall:5, church:2, studio:3"), week=whole(1, 20),
                          minutes=bell(30, 180), breaks=counted(0, 4), late_min=counted(0, 15),
                          pay=follows("minutes", 0.6, 10, 0.15)),
    }, "cs_CZ de_AT"),

    Family("podcasts", "Podcasts, their episodes and who listens where", {
        "podcast": Rows(9, 14, podcast_id=key(), podcast=blend("Daily, Deep, Odd, Slow, Open", "History, "
                        "Numbers, Kitchen, Signals, Football"), host=named("first_name"),
                        topic=choice("news:4, science:3, comedy:3, sport:2")),
        "episode": Rows(60, 90, episode_id=key(11), podcast_id=to("podcast"), season=whole(1, 6),
                        minutes=bell(12, 85), guests=counted(0, 4)),
        "listening": Rows(240, 360, episode_id=to("episode"),
                          app=choice("Castly:5, Podbox:3, Tunely:3, web:2"),
                          age_group=choice("18-24:3, 25-34:5, 35-49:4, 50+:2"), finished_pct=bell(5, 100),
                          skips=counted(0, 9), listeners_k=money(0.1, 9, 0.1), aired=dates("2024-02-01", 80)),
    }, "en_US"),

    Family("newspaper", "Desks, reporters and articles of a newspaper", {
        "desk": Rows(6, 8, desk_id=code("D{}"),
                     desk=some("politics, sport, city, culture, science, business, travel, opinion"),
                     floor=whole(1, 4)),
        "reporter": Rows(18, 28, reporter_id=key(), desk_id=to("desk"), reporter=named("person"),
                         status=choice("staff:5, freelance:4, trainee:2"), years=counted(0, 25)),
        "article": Rows(230, 340, article_id=key(40001), reporter_id=to("reporter"), page=whole(1, 24),
                        words=bell(120, 900), photos=counted(0, 5), corrections=counted(0, 4),
                        kind=choice("news:6, report:3, interview:2, column:2"), clicks_k=money(0.2, 40, 0.1),
                        printed=dates("2024-04-01", 40, True)),
    }, "en_GB de_DE es_ES"),
)
