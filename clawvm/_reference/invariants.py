"""What is true of a page table between any two calls, checked in one walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .arithmetic import turn_heat
from .frontier import densities, present
from .layout import LIVE, MAX_TOKENS, MISSING_LEVEL
from .record import Record, fields, tokens_at

__all__ = ["check", "record_fault"]


def check(
    records: Sequence[Record],
    slots: Mapping[str, int],
    free: Sequence[int],
    *,
    clock: int,
    used_tokens: int,
    arena_used: int,
    arena_dead: int,
    half_life: int,
) -> None:
    """Raise ``AssertionError`` with a dump of the state if anything is out of order."""
    live = [record for record in records if record.flags & LIVE]
    id_bytes = sum(record.id_length for record in live)
    faults = [
        f"slot {slot}: {fault}"
        for slot, record in enumerate(records)
        if record.flags & LIVE and (fault := record_fault(fields(record), clock, half_life))
    ]
    faults += [
        f"slot {slot}: the id {page_id!r} is not the record's"
        for page_id, slot in slots.items()
        if records[slot].page_id != page_id or records[slot].id_hash != hash(page_id) & 0xFFFFFFFF
    ]
    if len(live) != len(slots):
        faults.append(f"{len(live)} live records and {len(slots)} ids")
    if sorted(free) != [slot for slot, record in enumerate(records) if not record.flags & LIVE]:
        faults.append(f"the free list {free} is not the dead slots")
    if not faults:
        found = sum(tokens_at(record, record.level) for record in live)
        if found != used_tokens:
            faults.append(f"resident levels cost {found} tokens and the table says {used_tokens}")
    if id_bytes != arena_used - arena_dead:
        faults.append(f"ids take {id_bytes} bytes, the table says {arena_used} - {arena_dead}")
    if faults:
        state = "\n".join(f"  {slot}: {record}" for slot, record in enumerate(records))
        raise AssertionError("page table out of order: " + "; ".join(faults) + "\n" + state)


def record_fault(
    record: Mapping[str, int | tuple[int, ...]], clock: int, half_life: int
) -> str | None:
    """Return what is wrong with one live record, None if nothing is."""
    tokens, quality = record["tokens"], record["quality"]
    assert isinstance(tokens, tuple)
    assert isinstance(quality, tuple)
    numbers = {name: value for name, value in record.items() if isinstance(value, int)}
    counts = [count for count in tokens if count != MISSING_LEVEL]
    decayed = numbers["heat"] - turn_heat(numbers["last_turn"], half_life)
    rules = {
        "the full level is missing": tokens[3] != MISSING_LEVEL,
        "the ladder does not ascend": counts == sorted(set(counts)) and 0 not in counts,
        "a quality is out of range": all(
            (count == MISSING_LEVEL) == (worth == 0) and worth <= 1000
            for count, worth in zip(tokens, quality, strict=True)
        ),
        "densities are stale": record["density"] == densities(tokens, quality, 0, MAX_TOKENS),
        "the resident level is missing": numbers["level"] <= 4
        and present(tokens, numbers["level"]),
        "pin, floor or demand is out of range": numbers["pin"] <= 2
        and max(numbers["floor"], numbers["demand"]) <= 4,
        "its last turn is after the clock": numbers["last_turn"] <= clock,
        "its weight is out of range": 0 <= decayed <= 24 << 20,
        "it has no version": numbers["version"] >= 1,
        "its id is empty": numbers["id_length"] >= 1,
    }
    return next((fault for fault, holds in rules.items() if not holds), None)
