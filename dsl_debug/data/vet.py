"""A vet's practice: its patients, and two weeks of visits."""

from dsl_debug.data.sample import Domain, Mistake, Sample

SHOWN = {
    "pets": """
pet_id,name,species,owner
1,Milo,dog,Berg
2,Luna,cat,Falk
3,Otto,dog,Lind
4,Pip,rabbit,Berg
5,Nala,cat,Holm
6,Simba,cat,Falk
7,Hazel,horse,Vik
8,Kiwi,parrot,Dahl
""",
    "visits": """
visit_id,pet_id,reason,minutes,fee,materials
1,1,checkup,20,45,5
2,7,checkup,60,140,10
3,2,vaccination,10,38,16
4,3,surgery,90,310,85
5,4,dental,40,95,20
6,5,vaccination,15,36,16
7,6,injury,30,120,30
8,1,allergy,45,110,42
9,2,dental,24,105,25
10,5,x-ray,25,65,20
11,1,checkup,20,45,5
12,4,checkup,15,40,5
13,8,x-ray,25,85,35
14,7,dental,50,100,20
15,3,surgery,75,260,70
""",
}

HIDDEN = (
    {
        "pets": """
pet_id,name,species,owner
1,Milo,cat,Vik
2,Luna,dog,Berg
3,Otto,rabbit,Holm
4,Pip,dog,Lind
5,Nala,horse,Lind
6,Rex,cat,Vik
7,Hazel,dog,Falk
""",
        "visits": """
visit_id,pet_id,reason,minutes,fee,materials
1,1,x-ray,30,90,30
2,1,x-ray,20,80,34
3,2,checkup,20,48,6
4,3,dental,50,130,15
5,5,checkup,50,150,12
6,6,surgery,60,240,66
7,4,injury,25,70,28
8,7,vaccination,10,35,15
9,4,dental,30,88,22
10,3,vaccination,12,41,15
11,6,checkup,15,44,4
12,2,injury,35,95,20
13,4,checkup,25,46,6
14,7,checkup,20,52,5
""",
    },
    {
        "pets": """
pet_id,name,species,owner
1,Bo,goat,Dahl
2,Kit,cat,Moe
3,Ari,parrot,Ness
4,Tessa,dog,Dahl
5,Finn,dog,Moe
6,Coco,parrot,Lind
7,Sol,goat,Ness
""",
        "visits": """
visit_id,pet_id,reason,minutes,fee,materials
1,3,wing,40,160,20
2,6,wing,30,90,18
3,1,hooves,25,75,3
4,7,hooves,35,80,4
5,2,checkup,20,45,5
6,4,surgery,80,280,90
7,5,checkup,25,52,6
8,1,dental,45,100,40
9,3,checkup,15,55,5
10,2,dental,30,102,24
11,5,surgery,95,330,75
12,6,hooves,10,30,2
""",
    },
)

FEES = Sample(
    category="standard",
    difficulty="medium",
    intent="The average fee for each reason to come that the practice saw at least twice, the dearest first.",
    correct="""\
-- What does a visit cost?
fees = load("visits")
  |> group_by(reason)
  |> aggregate(visits: count(), fee: avg(fee))
  |> filter(visits >= 2)
  |> sort_by(fee, desc)

emit fees
""",
    mistakes=(
        Mistake(
            kind="aggregate_column",
            description="averages the minutes of the visits instead of their fees",
            right="  |> aggregate(visits: count(), fee: avg(fee))",
            wrong="  |> aggregate(visits: count(), fee: avg(minutes))",
        ),
    ),
)

HOURLY = Sample(
    category="nonlocal",
    difficulty="hard",
    intent=(
        "What the practice earns in an hour of work on each species, materials taken off: the best visit of "
        "each of the three species that do best."
    ),
    correct="""\
-- What an hour of work brings in, after materials.
visits = load("visits")
  |> compute(hourly: (fee - materials) * 60 / minutes)
pets = load("pets")

treated = join(visits, pets, on: pet_id == pet_id)

species = treated
  |> group_by(species)
  |> aggregate(visits: count(), best: max(hourly))

report = species
  |> sort_by(best, desc)
  |> take(3)

emit report
""",
    mistakes=(
        Mistake(
            kind="arithmetic",
            description="without the parentheses, only the materials are counted by the hour",
            right="  |> compute(hourly: (fee - materials) * 60 / minutes)",
            wrong="  |> compute(hourly: fee - materials * 60 / minutes)",
        ),
    ),
)

OWNERS = Sample(
    category="intent_mismatch",
    difficulty="medium",
    intent=(
        "Owners who spent more than 100 on anything but check-ups: with how many of their animals they came, "
        "and how much they paid in all. Who paid most comes first."
    ),
    correct="""\
-- Owners, their animals and what they paid, check-ups aside.
treatments = load("visits")
  |> filter(reason != "checkup")
pets = load("pets")

bills = join(treatments, pets, on: pet_id == pet_id)

owners = bills
  |> group_by(owner)
  |> aggregate(animals: count_distinct(pet_id), paid: sum(fee))
  |> filter(paid > 100)
  |> sort_by(paid, desc)

emit owners
""",
    mistakes=(
        Mistake(
            kind="filter_value",
            description="leaves out surgery instead of check-ups",
            right='  |> filter(reason != "checkup")',
            wrong='  |> filter(reason != "surgery")',
        ),
        Mistake(
            kind="aggregate_function",
            description="counts visits instead of animals",
            right="  |> aggregate(animals: count_distinct(pet_id), paid: sum(fee))",
            wrong="  |> aggregate(animals: count(pet_id), paid: sum(fee))",
        ),
    ),
)

VET = Domain("vet", SHOWN, HIDDEN, (FEES, HOURLY, OWNERS))
