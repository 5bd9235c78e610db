"""What the demo's house hears from outside: weather, departures, meters."""

from __future__ import annotations

from random import Random

__all__ = ["departures", "energy", "weather"]

_SKIES = ("overcast", "light rain", "drizzle", "broken clouds", "fog", "sleet", "clear")
_WINDS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_PLACES = ("Port Selwyn", "Harrow Moor", "Oakhanger", "Sallow Bridge", "Mill Street", "Saltersgate")
_REMARKS = (None, None, None, "one coach less", "lift at platform 2 out of order", "no bicycles")
_CIRCUITS = ("heat pump", "kitchen", "cellar", "study", "lights", "rest")


def weather(seed: int) -> dict[str, object]:
    """A forecast of 48 hours."""
    random = Random(seed)
    hours = []
    celsius = 3.4
    for hour in range(48):
        celsius += (random.random() - 0.48) + (0.5 if 8 <= hour % 24 <= 13 else -0.2)
        hours.append(
            {
                "hour": f"2026-03-{3 + hour // 24:02}T{hour % 24:02}:00",
                "celsius": round(celsius, 1),
                "sky": _SKIES[int(random.random() * len(_SKIES))],
                "rain_mm": round(random.random() * 1.4, 1),
                "wind": f"{_WINDS[int(random.random() * len(_WINDS))]} {int(random.random() * 38)}",
            }
        )
    return {
        "station": "Tollgate Basin",
        "issued": "2026-03-03T06:00",
        "warning": "frost on bridges until 08:30 on Wednesday 4 March",
        "hours": hours,
    }


def departures(seed: int) -> dict[str, object]:
    """The morning's trains from the nearest station."""
    random = Random(seed)
    trains = []
    for number in range(26):
        minute = 6 * 60 + 47 + number * 9 - (5 if number % 4 == 0 else 0)
        late = int(random.random() * 30) - 18
        trains.append(
            {
                "train": f"CR {2100 + number * 7}",
                "departs": f"{minute // 60:02}:{minute % 60:02}",
                "to": _PLACES[int(random.random() * len(_PLACES))],
                "platform": 1 + int(random.random() * 4),
                "expected": "on time" if late <= 0 else f"+{late} min",
                "remark": _REMARKS[int(random.random() * len(_REMARKS))],
            }
        )
    return {"station": "Tollgate Halt", "asked": "2026-03-03T07:02", "departures": trains}


def energy(seed: int) -> str:
    """Watt hours of each circuit, every half hour of two days, as comma-separated values."""
    random = Random(seed)
    lines = ["from," + ",".join(f"{name} Wh" for name in _CIRCUITS)]
    for half in range(96):
        day, minute = divmod(half * 30, 1440)
        used = [20 + int(random.random() * 180) for _ in _CIRCUITS]
        used[0] += 450 if 390 <= minute < 480 else 120
        values = ",".join(map(str, used))
        lines.append(f"2026-03-{1 + day:02} {minute // 60:02}:{minute % 60:02},{values}")
    return "\n".join(lines) + "\n"
