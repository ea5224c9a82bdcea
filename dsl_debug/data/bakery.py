"""A bakery: what is on the shelf, and what was sold in a week."""

from dsl_debug.data.sample import Domain, Mistake, Sample

SHOWN = {
    "products": """
product_id,name,kind,price
1,Rye loaf,bread,5.0
2,Cheese cake,cake,4.5
3,Croissant,pastry,1.5
4,Carrot cake,cake,3.5
5,Baguette,bread,2.0
6,Apple cake,cake,2.5
7,Cinnamon roll,pastry,2.25
8,Plum cake,cake,3.0
""",
    "sales": """
sale_id,product_id,day,quantity
1,7,tue,10
2,5,mon,2
3,6,wed,1
4,3,wed,6
5,5,wed,4
6,3,wed,6
7,5,thu,2
8,8,thu,1
9,2,fri,5
10,1,sat,2
11,3,sat,9
12,5,sat,8
13,4,sat,4
14,6,sat,3
15,1,sat,3
""",
}

HIDDEN = (
    {
        "products": """
product_id,name,kind,price
1,Rye loaf,bread,2.8
2,Cheese cake,cake,3.2
3,Croissant,pastry,2.1
4,Carrot cake,cake,3.6
5,Baguette,bread,2.2
6,Apple cake,cake,4.4
7,Cinnamon roll,pastry,3.5
8,Plum cake,cake,4.1
""",
        "sales": """
sale_id,product_id,day,quantity
1,6,wed,4
2,6,sat,5
3,2,wed,1
4,2,sat,4
5,1,sat,9
6,3,tue,6
7,8,wed,3
8,8,sat,8
9,8,sat,12
10,7,thu,2
11,4,fri,6
12,5,sun,3
13,3,wed,2
14,3,sat,1
15,8,wed,9
""",
    },
    {
        "products": """
product_id,name,kind,price
1,Lemon cake,cake,4.6
2,Walnut loaf,bread,5.1
3,Poppy cake,cake,2.7
4,Danish,pastry,2.4
5,Nut cake,cake,3.8
6,Ciabatta,bread,3.3
7,Berry cake,cake,4.9
8,Pretzel,savoury,1.1
9,Eclair,pastry,3.0
""",
        "sales": """
sale_id,product_id,day,quantity
1,9,sat,2
2,9,sat,6
3,2,wed,1
4,2,wed,2
5,8,mon,20
6,8,sat,14
7,4,wed,9
8,4,sat,12
9,1,sun,5
10,5,fri,3
11,6,wed,5
12,6,sat,7
13,7,wed,11
""",
    },
)

CHEAP_CAKES = Sample(
    category="standard",
    difficulty="easy",
    intent="The sign in the window names the three cheapest cakes, the cheapest one first.",
    correct="""\
-- Cakes for the sign in the window.
cakes = load("products")
  |> filter(kind == "cake")
  |> sort_by(price, asc)
  |> take(3)
  |> select(name, price)

emit cakes
""",
    mistakes=(
        Mistake(
            kind="sort_direction",
            description="sorts from the dearest cake down instead of from the cheapest one up",
            right="  |> sort_by(price, asc)",
            wrong="  |> sort_by(price, desc)",
        ),
    ),
)

EARNINGS = Sample(
    category="nonlocal",
    difficulty="medium",
    intent="What each kind of baking earned in the week, the best earner first.",
    correct="""\
-- What each kind of baking earned in a week.
sales = load("sales")
products = load("products")

sold = join(sales, products, on: product_id == product_id)
  |> compute(earned: quantity * price)

by_kind = sold
  |> group_by(kind)
  |> aggregate(sales: count(), revenue: sum(earned))

report = by_kind
  |> sort_by(revenue, desc)

emit report
""",
    mistakes=(
        Mistake(
            kind="join_key",
            description="looks up the product by the number of pieces sold instead of by its id",
            right="sold = join(sales, products, on: product_id == product_id)",
            wrong="sold = join(sales, products, on: quantity == product_id)",
        ),
    ),
)

MARKET_BAGS = Sample(
    category="intent_mismatch",
    difficulty="hard",
    intent=(
        "On market days, Wednesday and Saturday, which products that were sold at least twice go over the "
        "counter in the biggest bags on average? The top three."
    ),
    correct="""\
-- How big is a bag on market days?
market = load("sales")
  |> filter(day == "wed" or day == "sat")

bags = market
  |> group_by(product_id)
  |> aggregate(sales: count(), bag: avg(quantity))
  |> filter(sales >= 2)

products = load("products")
named = join(bags, products, on: product_id == product_id)

top = named
  |> sort_by(bag, desc)
  |> take(3)
  |> select(name, sales, bag)

emit top
""",
    mistakes=(
        Mistake(
            kind="filter_value",
            description="takes Friday for a market day instead of Saturday",
            right='  |> filter(day == "wed" or day == "sat")',
            wrong='  |> filter(day == "wed" or day == "fri")',
        ),
        Mistake(
            kind="aggregate_function",
            description="measures the biggest bag instead of the average one",
            right="  |> aggregate(sales: count(), bag: avg(quantity))",
            wrong="  |> aggregate(sales: count(), bag: max(quantity))",
        ),
        Mistake(
            kind="filter_operator",
            description="keeps the products that were sold at most twice instead of at least twice",
            right="  |> filter(sales >= 2)",
            wrong="  |> filter(sales <= 2)",
        ),
    ),
)

BAKERY = Domain("bakery", SHOWN, HIDDEN, (CHEAP_CAKES, EARNINGS, MARKET_BAGS))
