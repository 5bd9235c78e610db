"""What is true of a page table between any two calls, checked in one walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .arithmetic import turn_heat
from .frontier import densities, present
from .layout import LIVE, MAX_QUALITY, MAX_TOKENS, MISSING_LEVEL
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
    # In this order: a rule may rely on those before it.
    if tokens[3] == MISSING_LEVEL:
        return "the full level is missing"
    if counts != sorted(set(counts)) or 0 in counts:
        return "the ladder does not ascend"
    if quality[3] != MAX_QUALITY or not all(
        (count == MISSING_LEVEL) == (worth == 0) and worth <= MAX_QUALITY
        for count, worth in zip(tokens, quality, strict=True)
    ):
        return "a quality is out of range"
    if record["density"] != densities(tokens, quality, 0, MAX_TOKENS):
        return "densities are stale"
    if numbers["level"] > 4 or not present(tokens, numbers["level"]):
        return "the resident level is missing"
    if numbers["pin"] > 2 or max(numbers["floor"], numbers["demand"]) > 4:
        return "pin, floor or demand is out of range"
    if numbers["last_turn"] > clock:
        return "its last turn is after the clock"
    if not 0 <= decayed <= 24 << 20:
        return "its weight is out of range"
    if numbers["version"] < 1:
        return "it has no version"
    if numbers["id_length"] < 1:
        return "its id is empty"
    return None
