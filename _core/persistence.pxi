# A page table as bytes (twins: persistence.py, restoring.py, which tell what and why).

cdef bint BIG_ENDIAN = sys.byteorder == "big"


cdef list changed_slots(const Table *table):
    cdef list slots = []
    cdef uint32_t slot
    for slot in range(table.end):
        if table.records[slot].flags & CHANGED:
            slots.append(slot)
    return slots


cdef void settle_records(Table *table) noexcept nogil:
    cdef uint32_t slot
    for slot in range(table.end):
        table.records[slot].flags &= ~CHANGED


cdef list freed_slots(const Table *table):
    """Return the free list in the order in which the slots were freed."""
    cdef list slots = []
    cdef uint32_t slot = table.free_slot
    while slot != NO_SLOT:
        slots.append(slot)
        slot = table.records[slot].id_offset
    slots.reverse()
    return slots


cdef bytes dump_records(const Table *table, tuple given, list numbers):
    """Copy the records in these slots; `given` are the slots as the caller wrote them."""
    cdef Py_ssize_t place, count = len(numbers)
    cdef bytes dumped = PyBytes_FromStringAndSize(NULL, count * <Py_ssize_t> sizeof(PageRecord))
    cdef char *target = PyBytes_AS_STRING(dumped)
    cdef PageRecord record
    cdef int64_t slot
    for place in range(count):
        slot = numbers[place]
        if not 0 <= slot < table.end:
            validate.refuse_slot(given[place], table.live)
        record = table.records[slot]
        # A blank record's id_offset is its link in the free list.
        record.id_offset = record.id_hash = record.demand = 0
        record.flags &= LIVE
        memcpy(target + place * <Py_ssize_t> sizeof(PageRecord), &record, sizeof(PageRecord))
    return layout.swapped(dumped) if BIG_ENDIAN else dumped


cdef bint in_order(
    const PageRecord *record, uint32_t id_length, uint32_t clock, uint32_t half_life
) noexcept nogil:
    """Tell whether the twin's `restoring.fault` finds nothing wrong with a dumped record."""
    cdef uint32_t place, before = 0
    cdef int32_t[4] steps
    cdef int64_t heat = turn_heat(record.last_turn, half_life)
    if record.flags != LIVE or record.demand or record.id_offset or record.id_hash:
        return False
    for place in range(<uint32_t> LEVEL_FULL):
        if record.tokens[place] == MISSING:
            if record.quality[place]:
                return False
            continue
        if record.tokens[place] <= before or not 1 <= record.quality[place] <= QUALITY_MAX:
            return False
        before = record.tokens[place]
    if record.tokens[LEVEL_FULL - 1] == MISSING or record.quality[LEVEL_FULL - 1] != QUALITY_MAX:
        return False
    densities(record, 0, TOKENS_MAX, steps)
    return (
        memcmp(steps, record.density, sizeof(steps)) == 0
        and record.level <= LEVEL_FULL
        and present(record, record.level)
        and record.pin <= PIN_HARD
        and record.floor <= LEVEL_FULL
        and record.last_turn <= clock
        and heat <= record.heat <= heat + LOG2_WEIGHT_MAX
        and record.version >= 1
        and record.id_length == id_length
    )


cdef int take_up(
    Table *table, object restoring, uint32_t slot, object page_id, bytes dumped, Py_ssize_t place
) except -1:
    """Check a dumped record and its id, and give them their slot."""
    cdef PageFields fields
    cdef PageRecord *record = &table.records[slot]
    cdef Py_ssize_t start = place * <Py_ssize_t> sizeof(PageRecord)
    cdef str text = page_id if type(page_id) is str else restoring.identifier(slot, page_id)
    cdef uint32_t other
    try:
        read_id(text, &fields)
    except ClawVMError:
        restoring.identifier(slot, text)
        raise
    memcpy(record, PyBytes_AS_STRING(dumped) + start, sizeof(PageRecord))
    if not in_order(record, fields.id_length, table.clock, table.half_life):
        restoring.refuse_dumped(
            slot, text, dumped[start:start + <Py_ssize_t> sizeof(PageRecord)],
            fields.id_length, table.clock, table.half_life,
        )
    other = find_slot(table, fields.id_bytes, fields.id_length, fields.id_hash)
    if other != NO_SLOT:
        restoring.refuse_twice(text, other, slot)
    if table.arena_used + <uint64_t> fields.id_length > ARENA_MAX:
        restoring.refuse_arena()
    reserve_arena(table, fields.id_length)
    memcpy(table.arena + table.arena_used, fields.id_bytes, fields.id_length)
    record.id_offset, record.id_hash = table.arena_used, fields.id_hash
    table.arena_used += fields.id_length
    table.used_tokens += tokens_at(record, record.level)
    table.live += 1
    enter_slot(table, fields.id_hash, slot)
    return 0


cdef int restore_table(Table *table, object restoring, object shape, bytes dumped) except -1:
    """Fill an empty table of enough capacity that nobody else knows yet."""
    cdef list slots = shape.slots
    cdef list page_ids = shape.page_ids
    cdef Py_ssize_t place
    cdef uint32_t slot
    if BIG_ENDIAN:
        dumped = layout.swapped(dumped)
    table.clock = shape.clock
    for place in range(len(slots)):
        take_up(table, restoring, slots[place], page_ids[place], dumped, place)
    table.end = shape.end
    for slot in shape.free:
        table.records[slot].id_offset = table.free_slot
        table.free_slot = slot
    table.probes = 0
    return 0
