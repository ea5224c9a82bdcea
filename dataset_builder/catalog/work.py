"""Families: offices, services, money and kitchens."""

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
    Family("retail_bank", "Accounts of a bank and what moves on them", {
        "clients": Rows(24, 36, client_no=key(5001), client=named("person"),
                        segment=choice("private:5, business:3, student:3"), risk=whole(1, 5)),
        "accounts": Rows(36, 40, account=code("AC-{:05}", 20100), client_no=to("clients", skew=0.3),
                         kind=choice("current:5, savings:4, credit:2"), opened=whole(2001, 2023),
                         overdraft=money(0, 3000, 50)),
        "transactions": Rows(260, 380, tx=key(), account=to("accounts"),
                             purpose=choice("rent:2, food:6, salary:2, travel:2, cash:4"),
                             via=choice("card:6, transfer:4, machine:2"),
                             amount=by("purpose", "rent:780, food:46, salary:2300, travel:310, cash:90", 0.6),
                             fee_cents=counted(0, 30), hour=whole(6, 22),
                             booked=dates("2024-03-01", 31, True)),
    }, "en_GB de_DE"),

    Family("software_tickets", "Projects, developers and tickets of a software team", {
        "project": Rows(6, 10, project_key=some("CORE, WEB, APP, DATA, OPS, DOCS, AUTH, PAY, MAIL, "
                        "MAPS", is_key=True), stack=choice("python:4, go:3, rust:2, java:3"),
                        stars=bell(5, 90)),
        "developer": Rows(12, 20, handle=named("user_name", is_key=True),
                          seniority=choice("junior:3, mid:4, senior:3"), timezone=whole(-8, 9)),
        "ticket": Rows(230, 340, ticket_id=key(), project_key=to("project"), assignee=to("developer"),
                       priority=choice("low:4, medium:5, high:3, urgent:1"),
                       state=choice("open:3, review:2, closed:6"), comments=counted(0, 20),
                       reopened=counted(0, 4), story_points=whole(1, 13), hours=decimal(0.5, 24),
                       created=dates("2024-01-15", 70, True)),
    }),

    Family("translation_agency", "Jobs of a translation agency", {
        "translator": Rows(14, 22, translator_id=key(), translator=named("person"),
                           native=choice("Dutch:3, Polish:3, Greek:2, Swedish:3"),
                           per_word=decimal(0.06, 0.24, 2)),
        "customer": Rows(10, 16, customer=named("company", is_key=True),
                         branch=choice("law:3, medicine:3, games:2, tourism:3"), rebate=whole(0, 15)),
        "job": Rows(220, 330, job_no=code("J{:04}", 1), translator_id=to("translator"),
                    customer=to("customer"), source=choice("English:6, German:4, French:3"),
                    pages=counted(1, 40), revisions=whole(0, 5), days=counted(1, 20),
                    invoice=follows("pages", 31, 25, 0.25), delivered=dates("2023-10-01", 110)),
    }, "nl_NL pl_PL sv_SE"),

    Family("call_centre", "Agents of a call centre and the calls that they take", {
        "queue": Rows(6, 8, queue=some("billing, technical, orders, returns, complaints, travel, press, "
                      "upgrades", is_key=True), language=choice("English:4, German:3, Swedish:2"),
                      target_sec=whole(10, 60)),
        "agent": Rows(16, 26, agent_no=key(70), agent=named("first_name"), home_queue=to("queue"),
                      headset=choice("wired:4, wireless:3"), grade=whole(1, 6)),
        "phone_call": Rows(250, 370, agent_no=to("agent"), daytime=choice("morning:5, noon:3, evening:4, "
                           "night:1"), hold_sec=counted(0, 90), talk_min=decimal(0.5, 18),
                           transfers=counted(0, 4), score=whole(1, 5), solved=choice("yes:6, no:3, later:2")),
    }, "en_US sv_SE"),

    Family("insurance", "Policies of an insurer and the claims on them", {
        "broker": Rows(8, 12, broker_id=key(), broker=named("company"),
                       region=choice("coast:3, inland:4, alpine:2"), commission=decimal(2, 14)),
        "policy": Rows(60, 100, policy_no=code("POL{:04}", 310), broker_id=to("broker"),
                       cover=choice("home:5, car:5, dog:1, travel:3, life:2"), term_years=whole(1, 12),
                       premium=money(60, 1400, 0.5)),
        "claim": Rows(200, 310, claim_id=key(), policy_no=to("policy"),
                      damage=choice("water:4, theft:3, crash:4, storm:2, other:2"), photos=counted(0, 9),
                      days_open=bell(1, 60), decision=choice("paid:6, partial:3, refused:2"),
                      paid_out=money(0, 9000, 5), filed=dates("2023-01-01", 300, True)),
    }, "it_IT de_AT"),

    Family("recipes", "Recipes, their ingredients and how they are stored", {
        "ingredient": Rows(22, 32, ingredient=some("flour, butter, sugar, egg, milk, salt, leek, carrot, "
                           "onion, garlic, lentil, rice, basil, thyme, tomato, cream, cheese, bean, pea, "
                           "lemon, walnut, oat, honey, potato, apple, chili, ginger, celery, spinach, "
                           "yogurt, mint, rye", is_key=True),
                           aisle=choice("fresh:5, dry:4, cold:3, spices:2"), kcal=bell(5, 720),
                           allergen=choice("none:6, gluten:2, milk:2, nuts:1")),
        "recipe": Rows(26, 38, recipe_id=key(), dish=blend("Spicy, Baked, Cold, Sweet, Rustic, Smoked, "
                       "Quick", "Soup, Pie, Stew, Salad, Dumplings, Gratin, Risotto"),
                       cuisine=choice("Thai:2, Italian:5, Polish:2, Indian:3"), minutes=bell(10, 120),
                       serves=whole(1, 8)),
        "recipe_item": Rows(200, 300, recipe_id=to("recipe", skew=0.2),
                            ingredient=to("ingredient", once_per="recipe_id", skew=0.4), grams=bell(5, 90),
                            step=whole(1, 9), prepared=choice("chopped:5, melted:2, whole:4, ground:2"),
                            cost=money(0.1, 4)),
    }),

    Family("restaurant", "Tables, waiters and bills of a restaurant", {
        "waiter": Rows(7, 11, waiter=named("first_name", is_key=True),
                       section=choice("terrace:3, bar:2, salon:4"), languages=whole(1, 5),
                       hourly=money(11, 19, 0.5)),
        "dining_table": Rows(14, 22, table_no=key(), spot=choice("window:4, corner:3, middle:5"),
                             chairs=whole(2, 10)),
        "bill": Rows(230, 350, bill_no=key(9001), waiter=to("waiter"), table_no=to("dining_table"),
                     guests=part("dining_table.chairs", 0.3, 1), courses=whole(1, 5), bottles=counted(0, 5),
                     paid_by=choice("card:6, cash:3, voucher:1"), total=follows("guests", 34, 12, 0.35),
                     tip=money(0, 30, 0.5), evening=dates("2024-06-01", 40, True)),
    }, "it_IT fr_FR pt_PT"),

    Family("moving_company", "Moves of a removal company, van by van", {
        "van": Rows(6, 9, van=some("Atlas, Bison, Camel, Dumbo, Elk, Falcon, Goliath, Hippo, "
                    "Ibex", is_key=True), volume_m3=bell(12, 48), lift=choice("yes:4, no:3")),
        "removal": Rows(160, 250, removal_id=key(), van=to("van"), household=repeated("last_name", 35),
                        boxes=bell(15, 110), pianos=counted(0, 3), floor_from=whole(0, 6),
                        floor_to=whole(0, 6), distance=choice("local:5, regional:3, national:2, abroad:1"),
                        quote=by("distance", "local:480, regional:850, national:1700, abroad:3900", 0.35, 0)),
        "damage_report": Rows(60, 90, removal_id=to("removal", skew=0.2),
                              item=choice("vase:3, sofa:2, mirror:4, wardrobe:3, lamp:4"),
                              paid=money(10, 700, 0.5), days_later=counted(0, 20)),
    }, "en_GB da_DK"),
)
