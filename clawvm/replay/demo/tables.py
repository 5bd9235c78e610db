"""The tables inside the demo's mails: what makes a real mail long."""

from __future__ import annotations

from random import Random

__all__ = ["tables"]

_SUBJECTS = ("reading", "sums", "music", "sports", "science", "drawing", "assembly", "garden")
_TEACHERS = ("Farouk", "Devlin", "Novak", "Iyer", "Quist", "Marlowe")
_CHARGES = (
    "caretaker and winter service",
    "cleaning of the stairs, front building",
    "lighting of yard and passage",
    "insurance of the building, share by area",
    "water and waste water, by meter",
    "gutter cleaning after the storm of October",
    "lift inspection, numbers 20-24 only",
    "refuse, grey bin and paper",
    "gardener, two cuts of the hedge",
    "chimney sweep and flue measurement",
    "repair of the yard gate, second invoice",
    "bank charges and postage",
)
_ASSETS = (
    "ductile iron main, 150 mm, verge",
    "ductile iron main, 150 mm, carriageway",
    "ductile iron main, 300 mm, carriageway",
    "polyethylene main, 180 mm, open cut",
    "polyethylene main, 180 mm, pulled in",
    "trunk main, 600 mm, lining only",
    "trunk main, 600 mm, replacement",
    "gate valve with chamber, 300 mm",
    "hydrant, underground, with box",
    "service pipe with meter, per house",
    "pressure logger with modem",
    "road surface, per square metre",
    "traffic control, per day and lane",
    "disinfection and sampling, per section",
)
_ACTIONS = (
    "write the check after maintenance as a one-page card and hang it at every pump",
    "replace the retired number in the call list and test the list every month",
    "give the three alarms of the wet well different priorities and colours",
    "fit a position switch to the suction valve of pump 3",
    "measure the vibration of pump 2 at all speeds and compare with the acceptance test",
    "ask the supplier for the bearing report and its date",
    "add the overflow to the register with volume and duration",
    "walk the canal bank with the council and note what was found",
    "train the night crew on the manual start without telemetry",
    "check the standby pumps of the other eleven stations for closed valves",
    "set a reminder for the seals, which are two years older than planned",
    "compare the level sensor with the staff gauge",
    "draft the letter to the regulator, with the root cause in one sentence",
    "find out why the duty phone was charging in another room",
    "order a spare coupling, delivery is fourteen weeks",
    "put the drawings of 2019 into the folder where the crew looks",
    "decide whether the storm tank may be used in dry weather",
    "estimate the cost of a second power feed",
    "close the work order of the maintenance with the true state",
    "report progress to the board before the end of the quarter",
)
_OWNERS = ("Brandt", "Okafor", "Castellanos", "Dahl", "Lindqvist", "Yilmaz", "Price", "Achterberg")
_STOPS = (
    "Tollgate Halt",
    "Mill Street",
    "Lower Sallow",
    "Sallow Bridge",
    "Canal Junction",
    "Marsden Cross",
    "Oakhanger",
    "Harrow Moor",
    "Saltersgate",
    "Port Selwyn",
)
_SONGS = (
    "The Lock Keeper's Daughter, first half, from memory",
    "Three Rain Songs, number two, breathing at the long notes",
    "Kyrie of the small mass, altos with the piano",
    "Ferry at Dusk, text in the right order",
    "Three Rain Songs, number three, not faster than the basses",
    "The Ice on the Basin, entries after the pause",
    "March of the Herring, rhythm without the notes",
    "Evening over Port Selwyn, last page",
)
_GROCERIES = (
    "oat drink 1 l",
    "rye bread, sliced",
    "butter, salted 250 g",
    "eggs, free range, ten",
    "carrots 1 kg",
    "potatoes, waxy 2 kg",
    "apples, red 1.5 kg",
    "bananas, loose",
    "spinach, frozen 750 g",
    "salmon, two pieces",
    "chicken thighs 600 g",
    "tomatoes, chopped, four tins",
    "chickpeas, two jars",
    "pasta, short 500 g",
    "rice, long grain 1 kg",
    "yoghurt, plain 1 kg",
    "cheese, young, 400 g",
    "cocoa spread, nut-free",
    "porridge oats 1 kg",
    "washing powder, colours",
    "dishwasher tablets, forty",
    "kitchen paper, four rolls",
    "coffee beans 1 kg",
    "peppermint tea",
    "honey 500 g",
    "batteries AA, eight",
)


def tables(random: Random) -> dict[str, str]:
    """The table of each mail that has one, by the mail's id."""
    return {
        "m-101": _timetable(random),
        "m-102": _charges(random),
        "m-103": _readings(random),
        "m-104": _unit_costs(random),
        "m-105": _actions(random),
        "m-107": _stops(random),
        "m-123": _crews(random),
        "m-109": _rehearsals(random),
        "m-111": _groceries(random),
        "m-112": _flows(random),
    }


def _below(random: Random, count: int) -> int:
    # random() is the one method whose sequence Python promises to keep.
    return int(random.random() * count)


def _pick(random: Random, values: tuple[str, ...]) -> str:
    return values[_below(random, len(values))]


def _timetable(random: Random) -> str:
    lines = []
    for day in ("Mon", "Tue", "Wed", "Thu"):
        for hour in range(8, 12 if day == "Thu" else 14):
            subject, teacher = _pick(random, _SUBJECTS), _pick(random, _TEACHERS)
            lines.append(f"  {day} {hour:02}:30  {subject:<9} {teacher:<8} room {_room(random)}")
    return "\n".join(lines)


def _room(random: Random) -> int:
    return 101 + _below(random, 14)


def _charges(random: Random) -> str:
    lines = ["  item                                          whole house   share    number 14"]
    for item in _CHARGES:
        whole = 30_000 + _below(random, 400_000)
        share = 200 + _below(random, 900)
        own = whole * share // 10_000
        lines.append(f"  {item:<45} {whole / 100:>11.2f}  {share / 100:>5.2f}%  {own / 100:>9.2f}")
    return "\n".join(lines)


def _readings(random: Random) -> str:
    lines = ["  from   to     kWh    meter       quality"]
    meter = 48_211_400
    for half in range(48):
        used = 90 + _below(random, 260) + (500 if half in (13, 14, 36, 37, 38) else 0)
        meter += used
        start, end = half * 30, (half + 1) * 30 % 1440
        lines.append(
            f"  {start // 60:02}:{start % 60:02}  {end // 60:02}:{end % 60:02}  "
            f"{used / 1000:.3f}  {meter / 1000:.3f}  measured"
        )
    return "\n".join(lines)


def _unit_costs(random: Random) -> str:
    lines = ["  asset                                     old 2024     new 2026    source"]
    for asset in _ASSETS:
        old = 9_000 + _below(random, 140_000)
        new = old * (103 + _below(random, 19)) // 100
        tender = 10 + _below(random, 90)
        lines.append(f"  {asset:<40} {old / 100:>9.2f}  {new / 100:>11.2f}    tender {tender}/25")
    return "\n".join(lines)


def _actions(random: Random) -> str:
    return "\n".join(
        f"  A{number:02}  {action};\n       {_pick(random, _OWNERS)}, by {1 + _below(random, 28)} "
        f"{_pick(random, ('March', 'April', 'May'))} 2026, effort {1 + _below(random, 9)} days"
        for number, action in enumerate(_ACTIONS, 1)
    )


def _crews(random: Random) -> str:
    return "\n".join(
        f"  {month:<9} crew {crew}  {180 + _below(random, 420):>4} m finished, "
        f"{_below(random, 9)} days lost to weather, {_below(random, 5)} to permits"
        for month in ("March", "April", "May", "June", "July", "August", "September", "October")
        for crew in ("North", "South", "Harbour", "Hired")
    )


def _stops(random: Random) -> str:
    lines, minute = [], 6 * 60 + 35
    for stop in _STOPS:
        lines.append(
            f"  {minute // 60:02}:{minute % 60:02}  {stop:<15} platform {1 + _below(random, 6)}"
        )
        minute += 15 + _below(random, 14)
    lines[-1] = f"  10:18  {_STOPS[-1]:<15} platform 2"
    return "\n".join(lines)


def _rehearsals(random: Random) -> str:
    return "\n".join(
        f"  {'*' if number % 3 == 0 else ' '} {day:<14} 19:30-21:30  {_SONGS[number]}; then "
        f"{_pick(random, _SONGS[:4]).lower()}"
        for number, day in enumerate(
            (
                "3 March",
                "10 March",
                "17 March",
                "24 March",
                "31 March",
                "7 April",
                "14 April",
                "21 April",
            )
        )
    )


def _groceries(random: Random) -> str:
    lines = []
    for item in _GROCERIES:
        price = 89 + _below(random, 900)
        note = "   REPLACED by: cocoa spread with hazelnut" if "nut-free" in item else ""
        note = "   REPLACED by: rye bread, whole" if "rye" in item else note
        lines.append(f"  {1 + _below(random, 3)} x {item:<32} {price / 100:>6.2f}{note}")
    return "\n".join(lines)


def _flows(random: Random) -> str:
    lines = []
    for day in range(7):
        date = f"{24 + day} Feb" if day < 5 else f"{day - 4:02} Mar"
        for hour in (1, 5, 9, 13, 17, 21):
            flow = 12.4 - day * 0.45 - _below(random, 5) / 10
            spread = 4 + _below(random, 30) / 10
            lines.append(
                f"  {date} {hour:02}:00  flow {flow:>4.1f} l/min  spread {spread:.1f} K  "
                f"pressure 1.{5 + _below(random, 2)} bar  starts {2 + _below(random, 6)}"
            )
    return "\n".join(lines)
