"""Families: farms, animals, plants, weather and the sea."""

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
    to,
    whole,
)
from dataset_builder.catalog.making import Family, Rows

# One line per thought: the formatter would give every column a line of its own.
# fmt: off

FAMILIES = (
    Family("dairy_farm", "Cows of dairy farms and their milkings", {
        "farm": Rows(6, 10, farm_id=key(), farmer=named("last_name"),
                     valley=choice("upper:3, middle:3, lower:4"), pasture_ha=decimal(8, 90)),
        "cow": Rows(30, 40, tag=code("DE{:04}", 1200), farm_id=to("farm", skew=0.5),
                    breed=choice("Holstein:5, Jersey:3, Simmental:3, Angler:1"), calves=counted(0, 7),
                    born=whole(2013, 2021)),
        "milking": Rows(240, 360, tag=to("cow", skew=0.4), session=choice("dawn:5, noon:1, dusk:5"),
                        litres=decimal(4, 24), cells_k=bell(50, 260), minutes=whole(4, 14),
                        feed_kg=bell(2, 12), day=dates("2024-05-01", 30, True)),
    }, "de_DE nl_NL"),

    Family("zoo", "Animals of a zoo, their keepers and meals", {
        "keepers": Rows(8, 12, keeper_id=key(), keeper=named("first_name"),
                        house=choice("reptiles:2, birds:3, mammals:4, aquarium:2"),
                        years_here=counted(1, 20)),
        "animals": Rows(30, 40, animal_id=key(), pet_name=named("first_name"),
                        species=choice("lemur:4, otter:3, penguin:5, python:2, tapir:2, lynx:2"),
                        age=counted(1, 18),
                        weight=by("species", "lemur:3, otter:9, penguin:5, python:22, tapir:190, "
                        "lynx:21", 0.3, 1)),
        "meals": Rows(220, 330, animal_id=to("animals", skew=0.4), keeper_id=to("keepers"),
                      food=choice("fish:5, fruit:4, leaves:3, meat:2, pellets:2"), portions=whole(1, 6),
                      grams=follows("portions", 140, 30, 0.3, 0), leftovers=counted(0, 20),
                      cost=follows("portions", 1.7, 0.5, 0.3), fed=dates("2023-08-01", 40, True)),
    }, "en_AU en_US"),

    Family("vineyard", "Plots of a vineyard, harvests and barrels", {
        "plot": Rows(10, 16, plot=blend("Upper, Lower, Old, South", "Hill, Chapel, Mill, Terrace, "
                     "Cross", is_key=True), soil=choice("lime:4, slate:3, clay:3, sand:1"), slope=bell(2, 38),
                     rows=whole(12, 60)),
        "harvest": Rows(70, 100, harvest_id=key(), plot=to("plot", skew=0.3), vintage=whole(2012, 2023),
                        grape=choice("riesling:4, pinot:3, gamay:2, merlot:3"), crates=bell(20, 90),
                        brix=decimal(17, 27)),
        "barrel": Rows(180, 280, barrel_no=key(), harvest_id=to("harvest", skew=0.3),
                       wood=choice("oak:6, acacia:2, chestnut:2, steel:1"),
                       cask=choice("small:5, medium:3, large:2"), months=whole(4, 30), tasting=bell(1, 20),
                       loss_pct=decimal(0.5, 9)),
    }, "fr_FR de_DE"),

    Family("weather_stations", "Daily readings of weather stations", {
        "station": Rows(12, 20, wmo=key(10301), station=named("city"), altitude=bell(2, 1400),
                        terrain=choice("coast:3, plain:5, valley:3, summit:1")),
        "reading": Rows(260, 380, wmo=to("station", skew=0.3), day=dates("2024-01-01", 90, True),
                        tmax=bell(-8, 19), tmin=bell(-15, 8), rain_mm=money(0, 24, 0.1), sun_h=decimal(0, 10),
                        wind=choice("calm:4, breeze:5, gale:1"), cloud_okta=whole(0, 8)),
        "sensor_check": Rows(60, 90, check_no=key(), wmo=to("station"),
                             device=choice("gauge:4, vane:3, thermometer:5"),
                             fault=choice("none:6, drift:3, broken:1"), minutes=bell(5, 60)),
    }, "sv_SE no_NO fi_FI"),

    Family("apiary", "Hives, inspections and honey of beekeepers", {
        "beekeeper": Rows(7, 11, keeper=named("person", is_key=True), village=repeated("city", 4),
                          since=whole(1985, 2022)),
        "hive": Rows(28, 40, hive=code("H-{:02}"), keeper=to("beekeeper"),
                     box=choice("Dadant:4, Zander:3, Warre:2"),
                     site=choice("meadow:4, forest:3, roof:1, orchard:3"), queen_year=whole(2019, 2023)),
        "inspection": Rows(230, 340, hive=to("hive", skew=0.3), frames=whole(4, 12),
                           brood_frames=part("frames", 0.1, 0.9), mites=counted(0, 30),
                           honey_kg=money(0, 14, 0.1), mood=choice("gentle:6, nervous:3, fierce:1"),
                           visited=dates("2024-04-01", 120, True)),
    }, "sl_SI fr_FR pl_PL"),

    Family("fishing_fleet", "Trips and catches of a fishing fleet", {
        "cutter": Rows(9, 14, hull_no=code("FN {:02}", 31), skipper=named("last_name"),
                       gear=choice("trawl:4, longline:3, pots:2"), crew=whole(2, 9), engine_kw=bell(90, 480)),
        "trip": Rows(70, 100, trip_id=key(), hull_no=to("cutter"),
                     ground=choice("bank:4, shelf:3, fjord:3, ridge:1"), days_out=counted(1, 9),
                     ice_t=decimal(0.5, 9)),
        "catch": Rows(220, 340, trip_id=to("trip", skew=0.3),
                      fish=choice("cod:5, haddock:4, ling:2, plaice:3, crab:2"), boxes=counted(1, 45),
                      grade=choice("A:5, B:3, C:1"), undersized=counted(0, 15),
                      price_kg=by("fish", "cod:4.2, haddock:3.1, ling:2.4, plaice:3.8, crab:6.5", 0.25)),
    }, "no_NO da_DK"),

    Family("forest_survey", "Trees measured on the plots of a forest survey", {
        "forest_plots": Rows(14, 22, plot_no=key(), district=repeated("city", 4),
                             exposure=choice("north:3, east:2, south:4, west:2"), slope_deg=bell(0, 35),
                             deadwood_m3=decimal(0.2, 14)),
        "trees": Rows(250, 380, plot_no=to("forest_plots", skew=0.4),
                      species=choice("beech:5, spruce:5, oak:3, fir:2, larch:1"), diameter_cm=bell(8, 72),
                      height_m=follows("diameter_cm", 0.42, 6, 0.25, 1),
                      damage=choice("none:6, bark:2, storm:2, deer:2"), vitality=whole(1, 5),
                      woodpecker_holes=counted(0, 5)),
    }, "de_DE fi_FI"),
)
