# Frontiers leave out the levels that cost more than the room. Whose do is looked up in a list: the
# pages with a level that costs more than half of the room there was when the list was made.

cdef inline bint giant(const Plan *plan, const PageRecord *record, uint32_t base) noexcept nogil:
    return record.tokens[LEVEL_FULL - 1] - tokens_at(record, base) > plan.giant_tokens


cdef inline void note_giant(Table *table, uint32_t slot) noexcept nogil:
    cdef Plan *plan = &table.plan
    if not plan.states[slot] & STATE_GIANT and giant(
        plan, &table.records[slot], base_of(plan, slot)
    ):
        if plan.giants.count == plan.giants.capacity:
            drop_shrunk(table)
        plan.states[slot] |= STATE_GIANT
        list_slot(plan, &plan.giants, slot)


cdef void drop_shrunk(Table *table) noexcept nogil:
    """Take out of the list of giants the pages that are none any more."""
    cdef Plan *plan = &table.plan
    cdef uint32_t place, slot, kept = 0
    for place in range(plan.giants.count):
        slot = plan.giants.slots[place]
        if planned(plan, slot) and giant(plan, &table.records[slot], base_of(plan, slot)):
            plan.giants.slots[kept] = slot
            kept += 1
        else:
            plan.states[slot] &= ~STATE_GIANT
    plan.giants.count = kept
    if kept > plan.giants.capacity // 4 * 3:
        lengthen(plan, &plan.giants)


cdef bint concerned(const Table *table, uint32_t slot, uint64_t low, uint64_t high) noexcept nogil:
    """Tell whether a planned page has a level that fits the higher room and not the lower."""
    cdef const PageRecord *record = &table.records[slot]
    cdef uint32_t level, base = base_of(&table.plan, slot)
    cdef uint64_t cost
    for level in range(base + 1, LEVEL_FULL + 1):
        if present(record, level):
            cost = tokens_at(record, level) - tokens_at(record, base)
            if low < cost <= high:
                return True
    return False


cdef void withdraw(Table *table, uint32_t slot, uint64_t low, uint64_t high) noexcept nogil:
    """Take a page out of sums and heaps if it is concerned, until it is laid again."""
    if planned(&table.plan, slot) and concerned(table, slot, low, high):
        unplan(table, slot)
        leave(table, slot)
        set_state(&table.plan, slot, 0, STATE_BLANK)


cdef void list_giants(Table *table) noexcept nogil:
    """Make the list of giants for the plan's room."""
    cdef Plan *plan = &table.plan
    cdef uint32_t slot
    plan.giants.count, plan.giants.lost = 0, False
    plan.giant_tokens = plan.room >> 1
    for slot in range(table.end):
        plan.states[slot] &= ~STATE_GIANT
        if planned(plan, slot):
            note_giant(table, slot)


cdef void set_room(Table *table, uint64_t room) noexcept nogil:
    """Make the frontiers those of another room."""
    cdef Plan *plan = &table.plan
    cdef uint64_t low = min(room, plan.room), high = max(room, plan.room)
    cdef bint all_pages = plan.giants.lost or low < plan.giant_tokens
    cdef uint32_t place, slot
    cdef uint32_t count = table.end if all_pages else plan.giants.count
    if room == plan.room:
        return
    for place in range(count):
        withdraw(table, place if all_pages else plan.giants.slots[place], low, high)
    plan.room = room
    for place in range(count):
        slot = place if all_pages else plan.giants.slots[place]
        if table.records[slot].flags & LIVE and not planned(plan, slot):
            replan(table, slot)
    if all_pages or (
        room > plan.giant_tokens * 4 and plan.giants.count > (table.live >> 4) + WINDOW
    ):
        list_giants(table)
