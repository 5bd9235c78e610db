# What is true of a plan between any two calls, and, in a build with checks, of every selection.

cdef extern from *:
    """
    #ifdef NDEBUG
    #define CLAWVM_CHECKED 0
    #else
    #define CLAWVM_CHECKED 1
    #endif
    """
    const bint CHECKED "CLAWVM_CHECKED"


cdef list plan_faults(Table *table):
    """Return what is out of order in the plan, in words."""
    cdef Plan *plan = &table.plan
    cdef Worth worth
    cdef Wide found, kept
    cdef uint32_t slot
    cdef uint64_t floor_tokens = 0, used_tokens = 0
    cdef list faults = []
    cdef object fault
    if not plan.made:
        return faults
    clear_worth(&worth)
    for slot in range(table.end):
        fault = page_fault(table, slot)
        if fault is not None:
            faults.append(f"slot {slot}: {fault}")
        elif planned(plan, slot):
            floor_tokens += tokens_at(&table.records[slot], base_of(plan, slot))
            used_tokens += tokens_at(&table.records[slot], level_of(plan, slot))
            add_worth(
                &worth,
                table.records[slot].heat,
                quality_at(&table.records[slot], level_of(plan, slot)),
            )
    if not faults and (floor_tokens, used_tokens) != (plan.floor_tokens, plan.used_tokens):
        faults.append(
            f"floor and plan cost {floor_tokens} and {used_tokens} tokens and the plan says "
            f"{plan.floor_tokens} and {plan.used_tokens}"
        )
    found = total_worth(&worth, now_of(table, 0))
    kept = total_worth(&plan.worth, now_of(table, 0))
    if not faults and (found.high, found.low) != (kept.high, kept.low):
        faults.append(f"the plan is worth {as_int(&found)} and says {as_int(&kept)}")
    return faults + heap_faults(table, &plan.taken) + heap_faults(table, &plan.waiting)


cdef object page_fault(const Table *table, uint32_t slot):
    """Return what is wrong with one slot of the plan, None if nothing is."""
    cdef const Plan *plan = &table.plan
    cdef const PageRecord *record = &table.records[slot]
    cdef uint32_t level = level_of(plan, slot), base = base_of(plan, slot)
    cdef int32_t[4] own
    cdef const int32_t *steps
    if planned(plan, slot) != (record.flags & LIVE):
        return "it is planned without a page, or the other way round"
    if not planned(plan, slot):
        return None
    if base != base_level(record):
        return "its planned base is not what is required"
    steps = steps_at(table, slot, own)
    if level < base or (level > base and steps[level - 1] == NO_STEP):
        return "its planned level is not on its frontier"
    if (plan.taken.places[slot] != NO_PLACE) != (level > base):
        return "it is in the heap of steps taken without one, or the other way round"
    if (plan.waiting.places[slot] != NO_PLACE) != (next_level(steps, level) > 0):
        return "it is in the heap of steps that wait without one, or the other way round"
    if record.level != level and not plan.states[slot] & STATE_MOVED:
        return "its resident level is not the planned one and nobody has noted that"
    if giant(plan, record, base) and not (plan.states[slot] & STATE_GIANT or plan.giants.lost):
        return "it is a giant and not listed as one"
    return None


cdef list heap_faults(Table *table, const Heap *heap):
    """Return what is out of order in a heap, in words."""
    cdef Plan *plan = &table.plan
    cdef list faults = []
    cdef uint32_t place, slot
    cdef uint64_t entry
    for place in range(heap.size):
        slot = slot_of(heap.entries[place])
        if slot >= table.end or not planned(plan, slot) or heap.places[slot] != place:
            faults.append(f"entry {place} of a heap has the slot {slot}, which is not there")
            continue
        entry = entry_of(plan, key_at(table, slot, heap.waiting), slot)
        if heap.entries[place] != (opposite(entry) if heap.waiting else entry):
            faults.append(f"slot {slot}: its key in a heap is not its step's")
        elif place and before(table, heap, heap.entries[place], heap.entries[(place - 1) // ARITY]):
            faults.append(f"slot {slot}: it comes before what is above it in a heap")
    return faults


cdef bytes looks_of(const Table *table):
    """Return what no call changes without a trace: records and clock.

    A check runs Python code, so other threads, and finalizers, may come to the table in the middle
    of it. What it finds counts only if the table still looks the same afterwards. Making bytes
    runs no Python code.
    """
    cdef Py_ssize_t size = table.end * <Py_ssize_t> sizeof(PageRecord)
    cdef bytes looks = PyBytes_FromStringAndSize(NULL, size + <Py_ssize_t> sizeof(table.clock))
    cdef char *target = PyBytes_AS_STRING(looks)
    memcpy(target, table.records, size)
    memcpy(target + size, &table.clock, sizeof(table.clock))
    return looks


cdef object expected_outcome(const Table *table, bytes looks, uint64_t budget, uint32_t turn):
    """Return what the twin would decide about a table that looks so."""
    from clawvm._reference import record, selector

    cdef const PageRecord *seen = <const PageRecord *> PyBytes_AS_STRING(looks)
    cdef Py_ssize_t slot, end = len(looks) // <Py_ssize_t> sizeof(PageRecord)
    cdef int64_t now = now_of(table, turn)
    cdef list records = []
    for slot in range(end):
        records.append(record.Record(**fields_of(seen[slot])))
        if seen[slot].flags & LIVE and slot < table.end and same_id(table, slot, &seen[slot]):
            records[slot].page_id = id_text(table, &seen[slot])
    return selector.select(records, budget, now)


cdef bint same_id(const Table *table, Py_ssize_t slot, const PageRecord *seen) noexcept nogil:
    """Tell whether a slot still has the id that it had when the table looked so."""
    cdef const PageRecord *record = &table.records[slot]
    return (
        record.id_offset == seen.id_offset and record.id_length == seen.id_length
        and record.flags == seen.flags
    )


cdef int check_selection(Selection selection, bytes looks, object expected) except -1:
    """Raise ``AssertionError`` unless a selection, with the looks after it, is the twin's."""
    cdef const PageRecord *seen = <const PageRecord *> PyBytes_AS_STRING(looks)
    cdef Py_ssize_t slot, end = len(looks) // <Py_ssize_t> sizeof(PageRecord)
    cdef dict levels = {slot: seen[slot].level for slot in range(end) if seen[slot].flags & LIVE}
    cdef object found = (
        levels if selection.feasible else None,
        *(selection.floor_tokens, selection.required, selection.value),
        *(selection.bound, selection.steps),
    )
    if found != tuple(expected):
        raise AssertionError(f"selected {found}, from nothing it is {expected}")
    return 0
