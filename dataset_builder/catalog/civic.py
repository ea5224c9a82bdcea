"""Families: what towns, courts, hospitals and schools write down."""

from dataset_builder.catalog.columns import (
    bell,
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
    repeated,
    some,
    to,
    whole,
)
from dataset_builder.catalog.making import Family, Rows

# One line per thought: the formatter would give every column a line of its own.
# fmt: off

FAMILIES = (
    Family("hospital_stays", "Wards, doctors and stays of a hospital", {
        "ward": Rows(7, 10, ward_id=code("W{}"), speciality=some("surgery, cardiology, children, neurology, "
                     "oncology, eyes, lungs, maternity, trauma, kidneys"), beds=bell(10, 40),
                     building=choice("A:4, B:3, C:2")),
        "doctor": Rows(16, 26, doctor_id=key(), ward_id=to("ward"), doctor=named("last_name"),
                       grade=choice("consultant:2, registrar:4, junior:4")),
        "stay": Rows(230, 340, stay_id=key(), doctor_id=to("doctor"), patient_age=bell(1, 92),
                     admission=choice("planned:5, emergency:4, transfer:1"), days=counted(1, 18),
                     scans=counted(0, 6), outcome=choice("home:7, care:2, readmitted:1"),
                     bill=follows("days", 410, 300, 0.3), admitted=dates("2024-01-01", 100, True)),
    }, "en_GB es_ES"),

    Family("blood_donation", "Donors, drives and donations of a blood service", {
        "donor": Rows(30, 40, donor_no=key(2001), donor=named("person"),
                      blood_group=choice("O:5, A:5, B:2, AB:1"), rhesus=choice("positive:6, negative:1"),
                      birth_year=whole(1958, 2004)),
        "drive": Rows(8, 14, drive_id=key(), town=named("city"),
                      place=choice("school:4, town hall:3, factory:2, bus:2"), chairs=whole(3, 12)),
        "donation": Rows(200, 300, drive_id=to("drive", skew=0.4),
                         donor_no=to("donor", once_per="drive_id", skew=0.4), haemoglobin=decimal(11, 18),
                         pulse=bell(50, 100), minutes=whole(6, 18),
                         product=choice("whole:7, plasma:3, platelets:1"), snacks=counted(0, 4)),
    }, "de_DE en_US"),

    Family("town_library", "Books, readers and loans of a town library", {
        "reader": Rows(30, 40, card=code("L{:04}", 700), reader=named("person"),
                       quarter=choice("centre:5, station:3, riverside:3, hills:2"),
                       member_since=whole(2005, 2023)),
        "book": Rows(34, 40, signature=key(301), author=named("last_name"),
                     shelf=choice("novel:5, crime:4, nature:2, cooking:2, history:3"),
                     shape=choice("print:6, audio:2, large print:1"), pages=bell(80, 640)),
        "loan": Rows(230, 340, loan_id=key(), card=to("reader"), signature=to("book"), renewals=counted(0, 4),
                     days_kept=bell(1, 42), fine=money(0, 6, 0.1), desk=choice("counter:4, machine:6, van:1"),
                     lent=dates("2023-09-01", 90, True)),
    }, "nl_NL en_GB fr_FR"),

    Family("court_cases", "Judges, cases and hearings of a court", {
        "judge": Rows(7, 12, judge_id=key(), judge=named("last_name"),
                      chamber=choice("civil:4, criminal:4, family:3, labour:2"), appointed=whole(1996, 2021)),
        "lawsuit": Rows(60, 90, docket=code("{:03}/23", 101), judge_id=to("judge"),
                        matter=choice("rent:4, debt:4, injury:2, contract:3, neighbours:2"),
                        parties=whole(2, 7), claim=money(400, 40000, 50)),
        "hearing": Rows(210, 320, docket=to("lawsuit"), courtroom=whole(1, 9), minutes=bell(10, 150),
                        witnesses=counted(0, 8), exhibits=counted(0, 14),
                        ended=choice("adjourned:5, settled:3, ruled:4"),
                        costs=follows("minutes", 2.4, 60, 0.3), held=dates("2023-02-01", 200, True)),
    }, "en_US it_IT"),

    Family("elections", "Parties and results by polling station", {
        "party": Rows(7, 9, party=some("Greens, Liberals, Labour, Centre, Pirates, Farmers, Unity, Progress, "
                      "Seniors", is_key=True), wing=choice("left:3, middle:3, right:3"),
                      founded=whole(1905, 2018), members_k=decimal(2, 90)),
        "polling_station": Rows(20, 32, station_no=key(), borough=repeated("city", 6),
                                setting=choice("school:5, hall:3, church:2, kiosk:1"), voters=bell(400, 2600),
                                helpers=whole(4, 11)),
        "result": Rows(150, 220, station_no=to("polling_station", skew=0.2),
                       party=to("party", once_per="station_no", skew=0.3), votes=counted(3, 60),
                       postal_votes=counted(0, 30), recount=choice("no:8, once:2, twice:1"),
                       swing=decimal(-9, 9)),
    }, "en_GB sv_SE"),

    Family("recycling", "Collection rounds of a recycling service", {
        "truck": Rows(6, 10, truck_id=key(), licence_plate=code("RC-{}", 411),
                      drive=choice("diesel:5, gas:2, electric:3"), capacity_t=decimal(6, 16)),
        "round": Rows(16, 24, round_code=code("R-{:02}"), district=repeated("street_name", 6),
                      households=bell(180, 950), stops=bell(20, 90)),
        "pickup": Rows(240, 350, truck_id=to("truck"), round_code=to("round", skew=0.4),
                       material=choice("paper:5, glass:3, metal:2, plastic:4, organic:3"), bins=bell(8, 60),
                       wrong_items=counted(0, 20), tonnes=follows("bins", 0.06, 0.4, 0.3), crew=whole(2, 4),
                       collected=dates("2024-02-05", 45, True)),
    }, "de_DE nl_NL"),

    Family("language_school", "Teachers, classes and marks of a language school", {
        "teacher": Rows(9, 14, teacher_id=key(), teacher=named("person"),
                        mother_tongue=choice("English:4, Spanish:3, Arabic:2, French:3"), hours=whole(6, 28)),
        "class_group": Rows(16, 24, group_code=code("G{:02}"), teacher_id=to("teacher", skew=0.4),
                            language=choice("English:5, Spanish:4, Arabic:2, French:3"),
                            level=choice("A1:4, A2:4, B1:3, B2:2, C1:1"),
                            fee=by("level", "A1:180, A2:190, B1:220, B2:240, C1:290", 0.1, 0)),
        "exam": Rows(200, 320, exam_no=key(), group_code=to("class_group", skew=0.4),
                     student=repeated("first_name", 30), listening=whole(2, 20), writing=bell(1, 20),
                     speaking=bell(3, 20), absences=counted(0, 8), form=choice("paper:4, online:3, retake:2"),
                     hours_studied=decimal(2, 60)),
    }, "es_ES en_GB"),

    Family("fire_brigade", "Crews and call-outs of a fire brigade", {
        "fire_station": Rows(6, 9, watch=some("Alpha, Bravo, Charlie, Delta, Echo, Foxtrot, Golf, Hotel, "
                             "India", is_key=True), borough=named("city"), engines=whole(1, 5),
                             volunteers=bell(8, 45)),
        "incident": Rows(230, 340, incident_no=key(24001), watch=to("fire_station"),
                         cause=choice("kitchen:4, alarm:5, traffic:3, storm:2, cat:1"),
                         severity=choice("minor:5, serious:3, major:1"), minutes_to_scene=bell(2, 19),
                         firefighters=whole(4, 18), hoses=counted(0, 6), water_m3=decimal(0.2, 30),
                         reported=dates("2023-11-01", 120, True)),
    }, "en_US en_AU"),
)
