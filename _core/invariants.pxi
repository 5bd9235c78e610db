# What is true of a page table between any two calls (twin: invariants.py, whose rules for one
# record serve both).

cdef int need_order(_Selecting page_table) except -1:
    """Raise ``AssertionError`` if anything is out of order, while nobody else changes the table."""
    cdef Table *table = &page_table.table
    cdef bytes looks = None
    cdef list faults = []
    while looks is None or (faults and looks != looks_of(table)):
        need_table(table)
        looks = looks_of(table)
        faults = faults_of(table)
    if faults:
        raise AssertionError("page table out of order: " + "; ".join(faults) + dump_of(table))
    return 0


cdef list faults_of(Table *table):
    """Return what is out of order, in words."""
    # Loaded at the first check: importing the library need not wait for what only tests ask for.
    from clawvm._reference import invariants

    cdef PageRecord record    # a copy: the checks run Python code
    cdef uint32_t slot, live = 0, free = 0, entries = 0
    cdef uint64_t tokens = 0, id_bytes = 0
    cdef list faults = []
    cdef object fault
    for slot in range(table.end):
        record = table.records[slot]
        if not record.flags & LIVE:
            free += 1
            continue
        live += 1
        id_bytes += record.id_length
        fault = invariants.record_fault(fields_of(record), table.clock, table.half_life)
        if fault is not None:
            faults.append(f"slot {slot}: {fault}")
            continue
        if record.id_offset + <uint64_t> record.id_length > table.arena_used:
            faults.append(f"slot {slot}: its id is outside the arena")
            continue
        tokens += tokens_at(&record, record.level)
        if find_slot(
            table, table.arena + record.id_offset, record.id_length, record.id_hash
        ) != slot:
            faults.append(f"slot {slot}: the index does not find its id")
        if <uint32_t> <uint64_t> <int64_t> hash(id_text(table, &record)) != record.id_hash:
            faults.append(f"slot {slot}: the hash is not its id's")
    for slot in range(table.index_mask + 1):
        entries += table.index[slot] != EMPTY
    if live != table.live or live != entries:
        faults.append(f"{live} live records, {entries} index entries and a count of {table.live}")
    slot = table.free_slot
    while slot != NO_SLOT and free:
        free -= 1
        slot = table.records[slot].id_offset
    if free or slot != NO_SLOT:
        faults.append("the free list is not the dead slots")
    if not faults and tokens != table.used_tokens:
        faults.append(
            f"resident levels cost {tokens} tokens and the table says {table.used_tokens}"
        )
    if id_bytes + table.arena_dead != table.arena_used:
        faults.append(
            f"ids take {id_bytes} bytes, the table says {table.arena_used} - {table.arena_dead}"
        )
    return faults or plan_faults(table)


cdef str dump_of(const Table *table):
    cdef uint32_t slot
    return "".join([
        f"\n  {slot}: {fields_of(table.records[slot])}" for slot in range(table.end)
    ])
