"""Families: ways to get somewhere, and places to stay."""

from dataset_builder.catalog.columns import (
    bell,
    blend,
    by,
    choice,
    code,
    counted,
    dates,
    days_after,
    decimal,
    follows,
    key,
    money,
    named,
    part,
    some,
    times,
    to,
    whole,
)
from dataset_builder.catalog.making import Family, Rows

# One line per thought: the formatter would give every column a line of its own.
# fmt: off

FAMILIES = (
    Family("airline", "Flights between airports: delays, passengers and fuel", {
        "airports": Rows(9, 14, iata=some("OSL, LIS, VIE, PRG, ATH, DUB, HEL, ZRH, BCN, RIX, WAW, BUD, OTP, "
                         "SOF", is_key=True), runways=whole(1, 5), climate=choice("mild:4, cold:3, hot:3"),
                         elevation=bell(2, 620)),
        "aircraft": Rows(10, 16, tail=code("LN-{:03}", 101), model=choice("A320:5, B737:4, E190:3, ATR72:2"),
                         seats=by("model", "A320:174, B737:168, E190:104, ATR72:68", 0.08, 0),
                         built=whole(1998, 2022)),
        "flights": Rows(260, 380, flight_no=key(2001), tail=to("aircraft"), origin=to("airports"),
                        destination=to("airports", unlike="origin"),
                        passengers=part("aircraft.seats", 0.3, 1), delay_min=counted(0, 60),
                        fuel_t=decimal(1.5, 14), bags=bell(10, 60),
                        service=choice("full:3, light:4, charter:1"), flown=dates("2023-06-01", 50, True)),
    }),

    Family("grand_hotel", "Guests, rooms and stays of a hotel", {
        "rooms": Rows(24, 36, room_no=key(101), floor=whole(1, 6),
                      room_type=choice("single:3, double:5, suite:2, family:2"),
                      nightly_rate=by("room_type", "single:74, double:110, family:150, suite:240", 0.15)),
        "guests": Rows(30, 40, guest_id=key(), guest=named("person"),
                       home=choice("France:4, Japan:2, Brazil:2, Norway:3, Canada:3")),
        "stays": Rows(200, 320, stay_id=key(), guest_id=to("guests"), room_no=to("rooms"),
                      nights=counted(1, 10), persons=whole(1, 4), board=choice("none:3, breakfast:5, half:2"),
                      extras=money(0, 180, 0.5), arrival=dates("2024-05-01", 80),
                      departure=days_after("arrival", "nights")),
    }, "fr_FR it_IT es_ES"),

    Family("ferry_line", "Crossings of an island ferry company", {
        "vessel": Rows(6, 8, vessel=blend("Queen, Star, Spirit, Pearl", "of Arran, of Lewis, of Skye, "
                       "of Mull", is_key=True), decks=whole(2, 7), car_capacity=bell(30, 140),
                       fuel=choice("diesel:4, gas:3, electric:1")),
        "port": Rows(7, 10, port_id=key(), port=named("city"),
                     island=choice("main:3, north:2, south:2, outer:2"), berths=whole(1, 4)),
        "crossing": Rows(220, 340, crossing_id=key(), vessel=to("vessel"), from_port=to("port"),
                         to_port=to("port", unlike="from_port"), cars=part("vessel.car_capacity", 0.1, 1),
                         foot_passengers=bell(0, 80), wind_bft=bell(0, 10),
                         sea=choice("calm:5, moderate:4, rough:2"), miles=decimal(3, 45)),
    }, "en_GB"),

    Family("subway", "Lines, stations and turnstile counts of a subway", {
        "lines": Rows(6, 8, line=some("red, blue, green, amber, violet, brown, silver, orange", is_key=True),
                      opened=whole(1931, 2012), depot=choice("north:3, harbour:2, airport:2")),
        "stations": Rows(26, 38, station_id=key(), line=to("lines", skew=0.4), station=named("street_name"),
                         zone=whole(1, 4), lifts=counted(0, 6), depth_m=decimal(4, 38)),
        "turnstiles": Rows(260, 380, station_id=to("stations"), hour=whole(5, 23),
                           weekday=choice("Mon:3, Wed:3, Fri:4, Sat:3, Sun:2"),
                           ticket=choice("single:4, day:3, pass:6, senior:2"), entries=counted(3, 90),
                           fare=by("ticket", "single:2.4, day:7.5, pass:1.2, senior:1.4", 0.3, 1)),
    }),

    Family("car_rental", "Rentals of a car hire company", {
        "offices": Rows(6, 10, office_id=key(), place=named("city"),
                        site=choice("airport:4, downtown:4, station:2"), spaces=bell(12, 70)),
        "cars": Rows(26, 40, plate=code("CR {:03}", 120), office_id=to("offices"),
                     category=choice("mini:4, compact:5, van:2, premium:2"), doors=whole(2, 5),
                     model_year=whole(2014, 2023),
                     daily_price=by("category", "mini:27, compact:38, van:62, premium:95", 0.15, 1)),
        "rentals": Rows(220, 340, contract=key(7001), plate=to("cars"), days=counted(1, 14),
                        driver_age=bell(21, 72), insurance=choice("basic:5, full:4, none:1"),
                        mileage_km=follows("days", 120, 40, 0.5, 0),
                        paid=times("days", "cars.daily_price", off=0.15),
                        picked_up=dates("2023-05-01", 100, True)),
    }, "es_ES pt_BR"),

    Family("mountain_huts", "Nights and meals in huts along mountain trails", {
        "range": Rows(6, 8, range_id=key(), massif=some("Rofan, Ortler, Silvretta, Venediger, Dachstein, "
                      "Karwendel, Rieser, Glockner"), highest=bell(2400, 3900)),
        "hut": Rows(14, 22, hut_id=key(), range_id=to("range", skew=0.4), hut=named("last_name"),
                    altitude=bell(1500, 2950), beds=bell(14, 60), water=choice("spring:4, tank:3, snow:1"),
                    reached_by=choice("road:2, path:6, lift:2")),
        "night": Rows(230, 340, hut_id=to("hut"), date=dates("2023-07-01", 62),
                      sleepers=part("hut.beds", 0.1, 1), meals=counted(4, 40),
                      weather=choice("sun:5, cloud:4, rain:3, snow:1"), wood_kg=decimal(2, 30),
                      takings=follows("sleepers", 32, 60, 0.2)),
    }, "de_AT it_IT"),

    Family("harbour", "Ships calling at the quays of a harbour", {
        "ship": Rows(20, 32, imo=key(9301), ship=blend("Nordic, Pacific, Baltic, Iron, Silver, Coral, "
                     "Polar", "Trader, Carrier, Breeze, Falcon, Crown, Venture"),
                     flag=choice("Panama:5, Malta:3, Liberia:4, Norway:2"), length_m=bell(80, 330),
                     draught_m=follows("length_m", 0.035, 2.5, 0.15, 1)),
        "call": Rows(180, 280, call_no=key(), imo=to("ship"), quay=choice("A:4, B:3, C:3, D:2"),
                     cargo=choice("grain:3, ore:2, fruit:3, cars:2, timber:1"), cranes=whole(1, 5),
                     hours=bell(4, 40), tonnes=follows("hours", 140, 200, 0.4, 0), dues=money(800, 9000, 10),
                     arrived=dates("2024-01-10", 90, True)),
    }),
)
