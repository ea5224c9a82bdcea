"""Families: shops, stores and what they sell."""

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
    times,
    to,
    whole,
)
from dataset_builder.catalog.making import Family, Rows

# One line per thought: the formatter would give every column a line of its own.
# fmt: off

FAMILIES = (
    Family("coffee_chain", "Branches of a coffee chain and the drinks that they sell", {
        "branch": Rows(7, 12, id=key(), city=named("city"), seats=bell(12, 48), opened=whole(2004, 2021),
                       kind=choice("station:3, mall:2, campus:2, street:4")),
        "drink": Rows(8, 14, id=key(), size=choice("small:2, medium:3, large:2"), shots=whole(1, 4),
                      price=by("size", "small:2.8, medium:3.6, large:4.4", 0.25, 1),
                      name=some("latte, espresso, cocoa, mocha, chai, cortado, flat white, americano, "
                      "matcha, ristretto, macchiato, lungo, affogato, cold brew")),
        "sale": Rows(220, 360, id=key(), branch_id=to("branch"), drink_id=to("drink"), cups=counted(1, 7),
                     daytime=choice("morning:5, noon:3, afternoon:4, evening:2"), wait=bell(1, 14),
                     tip=money(0, 4, 0.1), day=dates("2023-03-01", 60)),
    }, "en_US en_GB"),

    Family("web_shop", "Orders of a shop on the web, line by line", {
        "customers": Rows(24, 36, customer_id=key(1001), customer_name=named("person"),
                          country=choice("Germany:4, Austria:2, Italy:3, Spain:3, Portugal, Greece"),
                          loyalty=choice("none:5, silver:3, gold:2")),
        "products": Rows(14, 20, product_code=code("P{:03}"),
                         department=choice("garden:3, kitchen:4, office:2, toys:3"),
                         list_price=money(4, 90, 0.5), weight_kg=decimal(0.2, 12)),
        "orders": Rows(90, 130, order_id=key(5001), customer_id=to("customers"),
                       order_date=dates("2024-01-01", 90, True),
                       payment=choice("card:5, invoice:3, transfer:2"), shipping_days=counted(1, 9)),
        "order_lines": Rows(240, 360, order_id=to("orders", skew=0.3),
                            product_code=to("products", once_per="order_id"), quantity=counted(1, 8),
                            packing=choice("box:5, bag:3, gift:2"),
                            amount=times("quantity", "products.list_price", off=0.2)),
    }),

    Family("cycling_shop", "Workshop of a cycling shop: repairs by its mechanics", {
        "mechanic": Rows(6, 9, mechanic_id=key(), nickname=named("first_name"),
                         level=choice("junior:2, skilled:4, master:2"),
                         hourly_rate=by("level", "junior:28, skilled:41, master:56", digits=1)),
        "repair": Rows(180, 280, ticket=code("R{:04}", 310), mechanic_id=to("mechanic"),
                       bike=choice("city:5, road:3, mountain:3, cargo:1, electric:4"),
                       job=choice("brakes:4, gears:4, wheel:3, frame:1, light:2"), minutes=bell(10, 90),
                       parts_used=counted(0, 8), parts_cost=follows("parts_used", 7.5, plus=3, noise=0.4),
                       rating=bell(1, 10), received=dates("2024-04-01", 75, True)),
    }, "nl_NL da_DK"),

    Family("warehouse", "Pallets moving through the aisles of a warehouse", {
        "aisle": Rows(8, 12, aisle=code("A{:02}"), zone=choice("cold:2, dry:5, bulk:3"), racks=bell(6, 20)),
        "supplier": Rows(9, 15, supplier_no=key(401), supplier=named("company"),
                         region=choice("north:3, south:4, east:2, west:3"), lead_days=counted(2, 15)),
        "stock": Rows(60, 90, sku=code("SKU-{:03}"), aisle=to("aisle"), supplier_no=to("supplier"),
                      unit_cost=money(1, 60), min_level=whole(5, 25), on_hand=bell(0, 60)),
        "movement": Rows(240, 380, movement_no=key(), sku=to("stock"),
                         direction=choice("in:4, out:6, return:1"), pallets=counted(1, 12),
                         shift=choice("early:4, late:4, night:2"), moved_on=dates("2023-09-01", 45)),
    }, "de_DE fr_FR"),

    Family("bakery", "Loaves baked and left over in the stores of a bakery", {
        "store": Rows(6, 10, store=named("street_name", is_key=True),
                      district=choice("old town:3, harbour:2, hill:2"), staff=whole(2, 9),
                      rent=money(900, 3200, 10)),
        "batch": Rows(240, 360, batch=key(), store=to("store"),
                      bread=choice("rye:4, wheat:5, spelt:2, corn:1, baguette:4"), oven=whole(1, 5),
                      loaves=bell(12, 48), unsold=part("loaves", 0, 0.4), flour_kg=follows("loaves", 0.45, 1),
                      baked_on=dates("2024-02-01", 42, True)),
    }, "pt_PT es_ES fr_FR"),

    Family("book_trade", "A bookseller's publishers, titles and monthly sales", {
        "publisher": Rows(7, 11, publisher_id=key(), publisher=named("company"), founded=whole(1890, 2010),
                          discount=bell(20, 45)),
        "title": Rows(36, 60, isbn=code("978-{:04}", 1200), publisher_id=to("publisher"),
                      genre=choice("crime:5, poetry:1, history:3, travel:2, romance:4"),
                      binding=choice("paperback:6, hardback:3, audio:2"), pages=bell(90, 520),
                      price=follows("pages", 0.035, plus=6, noise=0.3)),
        "monthly_sales": Rows(240, 360, isbn=to("title"), month=whole(1, 12),
                              channel=choice("counter:5, web:4, school:2"), copies=counted(1, 30),
                              returned=part("copies", 0, 0.5)),
    }, "en_GB"),

    Family("farmers_market", "Stalls of a farmers' market and what they take", {
        "farmer": Rows(12, 18, farmer=named("last_name", is_key=True), village=repeated("city", 5),
                       hectares=decimal(2, 60), certified=choice("organic:4, regional:3, none:3")),
        "produce": Rows(10, 14, produce=some("carrots, leeks, apples, pears, eggs, honey, cheese, onions, "
                        "beets, kale, plums, walnuts, potatoes, squash", is_key=True),
                        stand=choice("basket:5, crate:3, counter:2"), usual_price=money(1, 9, 0.1)),
        "stall_sale": Rows(220, 340, farmer=to("farmer"), produce=to("produce"),
                           market_day=choice("Tuesday:2, Thursday:3, Saturday:6"), week=whole(14, 40),
                           sold=counted(2, 40), takings=times("sold", "produce.usual_price", off=0.3)),
    }, "de_AT fr_FR"),

    Family("auction_house", "Lots and bids of an auction house", {
        "consignor": Rows(10, 16, consignor_no=key(71), surname=named("last_name"), fee_percent=whole(8, 20)),
        "lot": Rows(60, 90, lot_no=key(), consignor_no=to("consignor"),
                    medium=choice("oil:4, watercolour:3, print:4, bronze:1"),
                    period=choice("baroque:1, romantic:2, modern:4, recent:3"), estimate=money(200, 9000, 50),
                    heading=blend("Quiet, Golden, Winter, Blue, Lost, Broken, Early, Far, Old, "
                    "Bright", "Harbour, Garden, Portrait, Field, Street, Window, Orchard, Bridge, Forest, "
                    "Table")),
        "bid": Rows(240, 380, bid_no=key(), lot_no=to("lot"), bidder=whole(100, 139),
                    place=choice("room:5, phone:3, web:4"), step=counted(1, 12), shipping=decimal(4, 60),
                    offer=follows("lot.estimate", 1.1, noise=0.5, digits=0)),
    }, "en_GB fr_FR"),
)
