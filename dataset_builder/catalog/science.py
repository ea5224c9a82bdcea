"""Families: laboratories, observatories, grids and digs."""

from dataset_builder.catalog.columns import (
    bell,
    by,
    choice,
    code,
    counted,
    dates,
    decimal,
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
    Family("power_grid", "Plants of a power grid and what they feed in", {
        "operator": Rows(6, 9, operator_id=key(), operator=named("company"),
                         owner=choice("state:3, city:3, private:4")),
        "plant": Rows(20, 32, plant_code=code("KW{:02}"), operator_id=to("operator"),
                      source=choice("wind:5, solar:4, hydro:3, gas:3, biogas:2"), capacity_mw=bell(4, 95),
                      started=whole(1974, 2022)),
        "feed_in": Rows(260, 380, plant_code=to("plant", skew=0.4), quarter=choice("Q1, Q2, Q3, Q4"),
                        year=whole(2015, 2023), load_pct=bell(5, 98), outages=counted(0, 9),
                        mwh_k=decimal(0.5, 60), grid=choice("high:3, medium:4, low:2")),
    }, "de_DE fi_FI"),

    Family("observatory", "Nights, telescopes and observations of an observatory", {
        "telescope": Rows(6, 8, telescope=some("Argus, Borealis, Cygnus, Draco, Eos, Fornax, Gemini, "
                          "Hydra", is_key=True), mirror_m=decimal(0.5, 8),
                          dome=choice("north:3, south:3, ridge:2")),
        "astronomer": Rows(12, 18, astronomer_id=key(), astronomer=named("person"),
                           institute=choice("Leiden:3, Kyoto:2, Padua:3, Tartu:2")),
        "observation": Rows(240, 350, obs_id=key(100001), telescope=to("telescope"),
                            astronomer_id=to("astronomer"), target=choice("galaxy:4, comet:2, star:5, "
                            "nebula:3, asteroid:3"), band=choice("U, B:2, V:4, R:3"),
                            exposures=counted(1, 24), exposure=choice("short:3, normal:4, long:2"),
                            clouds_pct=bell(0, 60), seeing=decimal(0.4, 3.2, 2),
                            night=dates("2024-01-05", 40, True)),
    }, "it_IT nl_NL et_EE"),

    Family("space_missions", "Rockets, launches and payloads of space agencies", {
        "agency": Rows(6, 8, agency=some("Aster, Boreal, Cosma, Deltaspace, Europa, Frontier, Galac, "
                       "Horizon", is_key=True), continent=choice("Asia:3, Europe:3, America:3"),
                       employees_k=decimal(0.4, 18)),
        "launch": Rows(80, 110, launch_no=key(), agency=to("agency"),
                       rocket=choice("Comet:5, Lance:3, Titanet:2, Zephyr:3"), pad=whole(1, 7),
                       outcome=choice("success:8, partial:1, failure:2"), countdown_holds=counted(0, 5)),
        "payload": Rows(180, 280, payload_id=key(), launch_no=to("launch", skew=0.4),
                        orbit=choice("low:6, polar:3, geo:2, lunar:1"),
                        use=choice("weather:2, internet:5, science:3, spy:1"), instruments=counted(1, 12),
                        design_years=whole(1, 15), mass_t=money(0.1, 9)),
    }),

    Family("archaeology", "Trenches and finds of an excavation", {
        "trench": Rows(8, 14, trench=code("T-{}"), supervisor=named("last_name"),
                       area=choice("temple:3, harbour:3, market:4, wall:2"), depth_cm=bell(40, 320),
                       workers=whole(3, 12)),
        "find": Rows(240, 360, find_no=key(), trench=to("trench"), layer=whole(1, 9),
                     material=choice("clay:6, bone:3, bronze:2, glass:2, iron:2"),
                     era=choice("iron age:3, roman:5, medieval:4"), fragments=counted(1, 30),
                     completeness=bell(5, 100), weight_g=money(2, 600, 0.5),
                     found=dates("2023-07-03", 40, True)),
        "lab_test": Rows(80, 120, test_id=key(), find_no=to("find", skew=0.2),
                         method=choice("x-ray:4, carbon:3, thin section:2"), days=counted(2, 20),
                         cost=money(30, 500, 5)),
    }, "it_IT de_DE"),

    Family("clinical_trial", "Patients of a clinical trial and their visits", {
        "site": Rows(6, 9, site_id=code("S{:02}"), hospital=named("city"), nurses=whole(2, 9)),
        "patient": Rows(34, 40, patient_no=key(601), site_id=to("site", skew=0.5),
                        arm=choice("placebo:4, low dose:4, high dose:4"), sex=choice("f:5, m:5"),
                        age=bell(22, 78)),
        "study_visit": Rows(230, 330, patient_no=to("patient", skew=0.2),
                            visit=choice("week 2:4, week 4:4, week 8:3, final:3"), systolic=bell(105, 175),
                            pain=whole(0, 10), side_effects=counted(0, 6), weight_kg=decimal(48, 110),
                            adherence=choice("full:6, partial:3, none:1")),
    }, "en_US de_DE"),

    Family("ocean_buoys", "Buoys, their waves and their repairs", {
        "buoy": Rows(12, 20, buoy=key(44001), basin=choice("Atlantic:5, Pacific:4, Baltic:2, Arctic:1"),
                     moored_m=bell(30, 980), battery=choice("lithium:4, solar:4, lead:2")),
        "wave_log": Rows(250, 380, buoy=to("buoy", skew=0.4), hour=whole(0, 23),
                         sea_state=choice("smooth:3, slight:5, rough:3, high:1"),
                         height_m=by("sea_state", "smooth:0.4, slight:1.1, rough:3.1, high:5.4", 0.3),
                         period_s=bell(3, 16), water_c=bell(-1, 27), wind_kn=bell(0, 45),
                         logged=dates("2024-02-01", 30, True)),
        "service_visit": Rows(50, 80, visit_no=key(), buoy=to("buoy"),
                              ship=choice("Aurora:3, Meteor:4, Polaris:2"), hours=counted(1, 14),
                              parts_cost=money(50, 4000, 10)),
    }),

    Family("gene_lab", "Samples and sequencing runs of a laboratory", {
        "scientist": Rows(9, 14, orcid=code("0000-{:04}", 1), scientist=named("person"),
                          lab_group=choice("plants:4, yeast:3, mice:3, viruses:2")),
        "sample": Rows(40, 60, barcode=code("SMP{:04}", 1), orcid=to("scientist"),
                       tissue=choice("leaf:3, root:3, blood:4, liver:2"), freezer=whole(1, 6),
                       purity=decimal(1.5, 2.2, 2)),
        "sequencing_run": Rows(220, 330, run_id=key(), barcode=to("sample", skew=0.4),
                               machine=choice("Nova:4, Mini:5, Pacto:2"), lanes=whole(1, 8),
                               retries=counted(0, 4), quality=bell(22, 40), reads_m=money(0.5, 60, 0.1),
                               started=dates("2024-01-02", 70, True)),
    }, "en_GB fr_FR"),

    Family("bird_ringing", "Birds ringed, caught again and measured", {
        "ringing_site": Rows(8, 12, site=named("city", is_key=True),
                             habitat=choice("reed:4, hedge:4, dunes:2, wood:3"), nets=whole(3, 18)),
        "ringer": Rows(9, 14, licence=key(210), ringer=named("last_name"), trainee=choice("yes:3, no:6")),
        "capture": Rows(250, 370, ring=code("K{:05}", 44100), site=to("ringing_site"), licence=to("ringer"),
                        bird=choice("robin:5, wren:3, blackcap:4, siskin:2, thrush:2"),
                        wing_mm=by("bird", "robin:73, wren:49, blackcap:75, siskin:72, thrush:119", 0.05, 0),
                        fat=whole(0, 8), grams=by("bird", "robin:17, wren:9, blackcap:19, siskin:13, "
                        "thrush:71", 0.12, 1), caught_again=counted(0, 6),
                        moult=choice("none:5, body:3, wing:2")),
    }, "en_GB nl_NL sv_SE"),
)
