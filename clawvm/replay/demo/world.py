"""The demo's world: what its tools answer. Deterministic, and changed by what the model does."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from .board import board_paper
from .house import HOUSE_NOTES, PREFERENCES, TEMPLATE, manual
from .letters import LETTERS
from .tables import tables

__all__ = ["World", "as_json"]

_SEED = 20260303

_ROOMS = {
    "kitchen": ("ceiling lamp", "counter lamp", "speaker", "blind", "kettle plug", "radiator"),
    "hall": ("lamp", "porch lamp", "door lock", "motion sensor", "coat rack heater"),
    "study": ("desk lamp", "floor lamp", "blind", "radiator", "window contact", "speaker"),
    "bathroom": ("mirror lamp", "radiator", "towel rail", "fan", "humidity sensor"),
    "bedroom": ("left lamp", "right lamp", "blind", "radiator"),
    "guest room": ("bedside lamp", "blind", "radiator", "speaker"),
    "cellar": ("heat pump", "washing machine", "freezer", "leak sensor", "climate sensor"),
}

_FILLERS = (
    ("Tollgate Library <loans@tollgate-library.example>", "Two items are due on 9 March"),
    ("Rowing Club <news@rowing.example>", "Boathouse day, gloves are provided"),
    ("Merrow Bank <service@merrow-bank.example>", "Your statement is in your mailbox"),
    ("Print Shop <orders@tarnwater-print.example>", "Deadline for the board papers"),
    ("Harbour Gazette <letters@harbour-gazette.example>", "The week at the harbour"),
    ("Lumen & Daughters <shop@lumen.example>", "Your lamp shade has been sent"),
    ("Tarnwater IT <helpdesk@tarnwater.example>", "Password expires in 12 days"),
    ("Oona Marsh <oona.marsh@example.net>", "Photos of Saturday"),
    ("City Council <notices@tollgate.example>", "Road works in Mill Street from Monday"),
    ("Seedling Post <hello@seedling.example>", "What to sow in March"),
    ("Tarnwater Canteen <canteen@tarnwater.example>", "Menu of the week"),
    ("Ferry Line <info@ferry-line.example>", "Winter timetable until 28 March"),
    ("Bike Kitchen <repairs@bike-kitchen.example>", "Your brake cables are ready"),
    ("Sallow Bridge Museum <groups@sallow-museum.example>", "Group bookings: new entrance"),
)

# id, day, start, end, title, place, people, note
_EVENTS = (
    ("ev-301", "03", "09:00", "09:25", "Stand-up asset planning", "room Sluice", "team", ""),
    ("ev-302", "03", "10:00", "10:50", "Budget with Ruben", "room Weir", "ruben.castellanos", ""),
    ("ev-303", "03", "11:00", "11:45", "Board paper review", "room Weir", "ines.okafor", "moves"),
    ("ev-304", "03", "12:15", "13:00", "No calls", "", "", "kept free by standing preference"),
    ("ev-305", "03", "14:00", "15:30", "Site plan Sallow Bridge", "online", "planning", ""),
    ("ev-306", "03", "17:00", "18:00", "Delivery Greenbarrow", "home", "", "order 58-20417"),
    ("ev-307", "03", "19:30", "21:30", "Canal Voices rehearsal", "rowing club", "", "projector"),
    ("ev-311", "04", "08:12", "08:55", "Train to the office", "Tollgate Halt", "", ""),
    ("ev-312", "04", "09:30", "10:30", "Regulator call", "online", "ines.okafor", "dial in early"),
    ("ev-313", "04", "12:30", "13:10", "Private", "", "", "do not show on shared screens"),
    ("ev-314", "04", "15:00", "16:00", "Interview second candidate", "room Lock", "hr", ""),
    ("ev-315", "04", "18:30", "19:15", "Nils swimming", "Mill baths", "jonas", "blue bag"),
    ("ev-321", "05", "08:30", "11:45", "Home office", "study", "", "asked by Jonas, night shift"),
    ("ev-322", "05", "09:30", "10:15", "Vendor meters", "online", "procurement", ""),
    ("ev-323", "05", "12:20", "12:50", "Fetch Nils, short day", "Birkhill Primary", "", ""),
    ("ev-324", "05", "14:00", "16:00", "Deep work: renewal model", "study", "", ""),
    ("ev-331", "06", "08:25", "15:40", "Nils: water museum", "Sallow Bridge", "", "coach at gate"),
    ("ev-332", "06", "10:00", "11:30", "Steering group", "room Weir", "henrik.dahl", ""),
    ("ev-333", "06", "13:26", "13:50", "Astrid's train home", "Tollgate Halt", "astrid", ""),
    ("ev-341", "07", "11:00", "12:30", "Flea market with Oona", "harbour", "oona.marsh", ""),
    ("ev-351", "08", "16:00", "17:30", "Tea at Mrs Adeyemi's", "number 16", "", "bring the key"),
)

_LOG_LINES = (
    "DEBUG hub.mesh route {room} via repeater {n} lqi={lqi} retries={small}",
    "INFO  hub.clock drift {small} ms against ntp pool member {n}",
    "INFO  hub.climate {room} temperature={deg:.1f} target={target:.1f} valve={pct}%",
    "DEBUG hub.power phase L{phase} {watt} W, house total {total} W",
    "INFO  hub.presence {room} no motion for {pct} min",
    "DEBUG hub.store checkpoint {lqi}{n} written in {small} ms",
    "INFO  hub.heatpump setback flow={warm:.1f} return={target:.1f} pump_stage={phase}",
    "WARN  hub.mesh {room} sensor missed {phase} beacons, last seen {pct} s ago",
)

# What a reader of the log should find: three low-flow events, the sensor drop-outs and the freezer.
_LOG_EVENTS = {
    21: "WARN  hub.freezer door reported open, cellar=5.8 C, compressor current normal",
    89: "ERROR hub.heatpump fault E-27 flow=9.1 l/min pressure_cold=1.5 bar defrost=no count=1",
    131: "WARN  hub.mesh cellar climate sensor left the network after 4 failed polls",
    187: "INFO  hub.mesh cellar climate sensor joined again through the repeater in the hall",
    216: "ERROR hub.heatpump fault E-27 flow=8.7 l/min pressure_cold=1.5 bar defrost=no count=2",
    291: "WARN  hub.security porch camera saw an animal, classified as fox, no alarm raised",
    333: "INFO  hub.update firmware 4.11.2 downloaded, waits for a restart outside quiet hours",
    377: "WARN  hub.heatpump two faults within 24 h, one more locks the unit until acknowledged",
}
LOG_LINES = 420


class World:
    """Mail box, calendar, devices, log and files of one morning."""

    def __init__(self) -> None:
        self._random = Random(_SEED)
        filled = tables(Random(_SEED + 1))
        self.mails = {
            letter.id: letter.text.replace("{table}", filled.get(letter.id, ""))
            for letter in LETTERS
        }
        self.devices = self._make_devices()
        self.log = self._make_log()
        self.events = [
            _event(name, title, f"2026-03-{day}T{start}", f"2026-03-{day}T{end}", *others)
            for name, day, start, end, title, *others in _EVENTS
        ]
        self.files = {
            "notes/house.md": HOUSE_NOTES,
            "notes/briefing.md": TEMPLATE,
            "manuals/aerotherm-9.md": manual(),
            "work/board-paper.md": board_paper(filled["m-104"]),
            "notes/preferences.md": PREFERENCES,
        }

    def below(self, count: int) -> int:
        """A whole number from 0 up to `count`, from the seed."""
        # random() is the one method whose sequence Python promises to keep.
        return int(self._random.random() * count)

    def mail_list(self) -> str:
        """Headers of the inbox, newest first, as JSON."""
        rows = [
            {"id": item.id, "from": item.sender, "subject": item.subject, "received": item.received}
            for item in LETTERS
        ]
        rows += [
            {
                "id": f"m-{130 + number}",
                "from": sender,
                "subject": subject,
                "received": f"2026-03-02 {9 + number // 2:02}:{self.below(60):02}",
            }
            for number, (sender, subject) in enumerate(_FILLERS)
        ]
        rows.sort(key=lambda row: row["received"], reverse=True)
        return as_json({"folder": "inbox", "unread": len(rows), "messages": rows})

    def mail(self, mail_id: str) -> str:
        """One mail with its headers."""
        letter = next(item for item in LETTERS if item.id == mail_id)
        return (
            f"From: {letter.sender}\nTo: Mara Lindqvist <mara@lindqvist.example>\n"
            f"Date: {letter.received}\nSubject: {letter.subject}\nMessage-Id: {letter.id}\n\n"
            f"{self.mails[mail_id]}\n"
        )

    def calendar(self, first: str, last: str) -> str:
        """The events from one day to another, as JSON."""
        events = [event for event in self.events if first <= event["start"][:10] <= last]
        return as_json({"calendar": "mara", "from": first, "to": last, "events": events})

    def calendar_move(self, event_id: str, start: str, end: str) -> str:
        """Give an event new times."""
        event = next(event for event in self.events if event["id"] == event_id)
        event.update(start=start, end=end)
        return as_json({"updated": event})

    def calendar_create(self, title: str, start: str, end: str, note: str) -> str:
        """A new event."""
        event = _event(f"ev-{400 + len(self.events)}", title, start, end, "home", "", note)
        self.events.append(event)
        return as_json({"created": event})

    def home_state(self, room: str | None = None) -> str:
        """The devices of a room, or of all, as JSON."""
        shown = [device for device in self.devices if room in (None, device["room"])]
        return as_json({"hub": "tollgate-14", "mode": "night", "devices": shown})

    def home_set(self, device_id: str, **values: object) -> str:
        """Change a device; the answer is its state before and after."""
        device = next(item for item in self.devices if item["id"] == device_id)
        before = {name: device["state"][name] for name in values}
        device["state"].update(values)
        return as_json({"device": device_id, "before": before, "after": values, "ok": True})

    def log_page(self, first: int, last: int) -> str:
        """Lines of the hub's log, counted from 1."""
        lines = self.log[first - 1 : last]
        return f"hub.log lines {first}-{last} of {len(self.log)}\n" + "\n".join(lines) + "\n"

    def search(self, words: str) -> str:
        """The lines in files, mails and log that hold any of the words."""
        wanted = words.lower().split()
        texts = {**self.files, **self.mails, "hub.log": "\n".join(self.log)}
        hits = [
            f"{name}:{number}: {line.strip()}"
            for name, text in texts.items()
            for number, line in enumerate(text.splitlines(), 1)
            if any(word in line.lower() for word in wanted)
        ]
        return f"{len(hits)} matches for {words!r}\n" + "\n".join(hits) + "\n"

    def edit(self, path: str, old: str, new: str) -> str:
        """Replace a text that stands once in a file."""
        if self.files[path].count(old) != 1:
            raise AssertionError(f"the demo edits {path} at a text that does not stand there once")
        self.files[path] = self.files[path].replace(old, new)
        return f"{path}: 1 replacement, {len(self.files[path].splitlines())} lines"

    def _make_devices(self) -> list[dict[str, Any]]:
        devices: list[dict[str, Any]] = []
        for room, names in _ROOMS.items():
            for name in names:
                devices.append(
                    {
                        "id": f"{room}/{name}".replace(" ", "-"),
                        "room": room,
                        "kind": name.split()[-1],
                        "state": self._state(name),
                        "battery_percent": 40 + self.below(60) if "sensor" in name else None,
                        "link_quality": 60 + self.below(190),
                        "last_seen": f"2026-03-03T06:{30 + self.below(10)}:{10 + self.below(50)}",
                        "firmware": f"{1 + self.below(4)}.{self.below(12)}.{self.below(30)}",
                    }
                )
        return devices

    def _state(self, name: str) -> dict[str, object]:
        if "lamp" in name:
            return {"on": False, "brightness_percent": 0, "colour_kelvin": 2700}
        if name in ("radiator", "towel rail"):
            return {"target_celsius": 17.0, "measured_celsius": 16.5 + self.below(20) / 10}
        if name == "blind":
            return {"position_percent": 0, "moving": False}
        if name == "speaker":
            return {"playing": False, "volume_percent": 15}
        if name == "door lock":
            return {"locked": True, "last_user": "jonas", "last_change": "2026-03-02T21:14:09"}
        if name == "heat pump":
            return {"mode": "setback", "flow_l_min": 9.2, "pressure_bar": 1.5, "last_fault": "E-27"}
        if name == "freezer":
            return {"temperature_celsius": -18.4, "door": "open", "current_ampere": 0.8}
        return {"on": False, "value": self.below(100), "unit": "percent"}

    def _make_log(self) -> list[str]:
        rooms = list(_ROOMS)
        lines = []
        for number in range(LOG_LINES):
            second = 22 * 3600 + number * 74 + self.below(70)
            clock = f"{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"
            text = _LOG_EVENTS.get(number) or _LOG_LINES[self.below(len(_LOG_LINES))].format(
                room=rooms[self.below(len(rooms))],
                n=1 + self.below(5),
                lqi=60 + self.below(190),
                small=1 + self.below(40),
                deg=16 + self.below(40) / 10,
                warm=26 + self.below(25) / 10,
                target=17 + self.below(20) / 10,
                pct=self.below(100),
                phase=1 + self.below(3),
                watt=80 + self.below(900),
                total=600 + self.below(1900),
            )
            lines.append(f"{clock} {text}")
        return lines


def _event(
    name: str, title: str, start: str, end: str, place: str, people: str, note: str
) -> dict[str, Any]:
    by_mail = "." in people
    return {
        "id": name,
        "title": title,
        "start": start,
        "end": end,
        "location": place or None,
        "attendees": [f"{people}@tarnwater.example"] if by_mail else [],
        "group": people if people and not by_mail else None,
        "note": note or None,
        "reminder_minutes": 10,
        "status": "confirmed",
    }


def as_json(value: object) -> str:
    """How the demo's tools write JSON."""
    return json.dumps(value, indent=1, ensure_ascii=False)
