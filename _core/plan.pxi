# The plan's parts kept right while pages change. The page table calls `unplan` before a change of
# what a record says of tokens, qualities or heat, and `replan` after it.

cdef int reserve_plan(Plan *plan, uint32_t capacity) except -1:
    """Let the plan serve a table of this capacity."""
    cdef size_t added = capacity - plan.capacity
    if added == 0:
        return 0
    plan.states = <uint8_t *> enlarged(plan, plan.states, capacity, 1)
    plan.taken.entries = <uint64_t *> enlarged(plan, plan.taken.entries, capacity, 8)
    plan.taken.places = <uint32_t *> enlarged(plan, plan.taken.places, capacity, 4)
    plan.waiting.entries = <uint64_t *> enlarged(plan, plan.waiting.entries, capacity, 8)
    plan.waiting.places = <uint32_t *> enlarged(plan, plan.waiting.places, capacity, 4)
    plan.moved.slots = <uint32_t *> enlarged(plan, plan.moved.slots, capacity, 4)
    memset(plan.states + plan.capacity, STATE_BLANK, added)
    memset(plan.taken.places + plan.capacity, 0xFF, added * 4)
    memset(plan.waiting.places + plan.capacity, 0xFF, added * 4)
    plan.waiting.waiting = True
    plan.capacity = plan.moved.capacity = capacity
    return 0


cdef void *enlarged(Plan *plan, void *array, size_t capacity, size_t item) except NULL:
    cdef void *larger = PyMem_RawRealloc(array, capacity * item)
    if larger == NULL:
        raise MemoryError()
    plan.allocations += 1
    return larger


cdef void free_plan(Plan *plan) noexcept nogil:
    PyMem_RawFree(plan.states)
    PyMem_RawFree(plan.taken.entries)
    PyMem_RawFree(plan.taken.places)
    PyMem_RawFree(plan.waiting.entries)
    PyMem_RawFree(plan.waiting.places)
    PyMem_RawFree(plan.moved.slots)
    PyMem_RawFree(plan.giants.slots)
    PyMem_RawFree(plan.demanded.slots)


cdef uint64_t plan_bytes(const Plan *plan) noexcept nogil:
    cdef uint64_t each = 1 + 2 * (sizeof(uint64_t) + sizeof(uint32_t)) + sizeof(uint32_t)
    cdef uint64_t listed = <uint64_t> plan.giants.capacity + plan.demanded.capacity
    return plan.capacity * each + listed * sizeof(uint32_t)


cdef void lengthen(Plan *plan, SlotList *listed) noexcept nogil:
    """Double a list's capacity; where there is no memory for it, the list is lost."""
    cdef uint32_t capacity = max(<uint32_t> 8, listed.capacity * 2)
    cdef uint32_t *larger = <uint32_t *> PyMem_RawRealloc(
        listed.slots, <size_t> capacity * sizeof(uint32_t)
    )
    if larger == NULL:
        listed.lost = True
        return
    plan.allocations += 1
    listed.slots, listed.capacity = larger, capacity


cdef void list_slot(Plan *plan, SlotList *listed, uint32_t slot) noexcept nogil:
    if listed.count == listed.capacity:
        lengthen(plan, listed)
    if not listed.lost:
        listed.slots[listed.count] = slot
        listed.count += 1


cdef inline void mark_moved(Plan *plan, uint32_t slot) noexcept nogil:
    if not plan.states[slot] & STATE_MOVED:
        plan.states[slot] |= STATE_MOVED
        list_slot(plan, &plan.moved, slot)


cdef inline void set_state(Plan *plan, uint32_t slot, uint32_t base, uint32_t level) noexcept nogil:
    cdef uint8_t flags = plan.states[slot] & (STATE_MOVED | STATE_GIANT)
    plan.states[slot] = <uint8_t> (flags | base << STATE_BASE_SHIFT | level)


cdef inline uint64_t entry_of(Plan *plan, int64_t key, uint32_t slot) noexcept nogil:
    """Return the entry of a step that was taken."""
    key -= plan.origin
    if key < 0:
        return slot
    if <uint64_t> key > KEY_MAX:
        plan.outgrown = True
        key = <int64_t> KEY_MAX
    return <uint64_t> key << SLOT_BITS | slot


cdef inline uint64_t opposite(uint64_t entry) noexcept nogil:
    """Return the entry of a step that waits from that of one taken, or the other way."""
    return entry ^ ~<uint64_t> SLOT_MASK


cdef void enter(Table *table, uint32_t slot, const int32_t *steps) noexcept nogil:
    """Give a page its entries in the two heaps."""
    cdef Plan *plan = &table.plan
    cdef int64_t heat = table.records[slot].heat
    cdef uint32_t level = level_of(plan, slot)
    cdef uint32_t above = next_level(steps, level)
    if level > base_of(plan, slot):
        set_entry(table, &plan.taken, entry_of(plan, heat + steps[level - 1], slot))
    else:
        drop_entry(table, &plan.taken, slot)
    if above:
        set_entry(
            table, &plan.waiting, opposite(entry_of(plan, heat + steps[above - 1], slot))
        )
    else:
        drop_entry(table, &plan.waiting, slot)


cdef void leave(Table *table, uint32_t slot) noexcept nogil:
    drop_entry(table, &table.plan.taken, slot)
    drop_entry(table, &table.plan.waiting, slot)


cdef inline void count_page(Table *table, uint32_t slot) noexcept nogil:
    """Add a page to the plan's sums."""
    cdef Plan *plan = &table.plan
    cdef const PageRecord *record = &table.records[slot]
    plan.floor_tokens += tokens_at(record, base_of(plan, slot))
    plan.used_tokens += tokens_at(record, level_of(plan, slot))
    add_worth(&plan.worth, record.heat, quality_at(record, level_of(plan, slot)))


cdef void unplan(Table *table, uint32_t slot) noexcept nogil:
    """Take a page out of the plan's sums; its entries stay, as they were."""
    cdef Plan *plan = &table.plan
    cdef const PageRecord *record = &table.records[slot]
    if not plan.made:
        return
    plan.fresh = False
    plan.floor_tokens -= tokens_at(record, base_of(plan, slot))
    plan.used_tokens -= tokens_at(record, level_of(plan, slot))
    take_worth(&plan.worth, record.heat, quality_at(record, level_of(plan, slot)))


cdef const int32_t *lay(Table *table, uint32_t slot, int32_t *own) noexcept nogil:
    """Give a page its base and a level, and add it to the sums; return its steps."""
    cdef Plan *plan = &table.plan
    cdef const PageRecord *record = &table.records[slot]
    cdef uint32_t place, base = base_level(record), level = base
    cdef const int32_t *steps = steps_of(record, base, plan.room, own)
    plan.frontiers += 1
    for place in range(<uint32_t> LEVEL_FULL):
        if steps[place] != NO_STEP and record.heat + steps[place] > plan.split_key:
            level = place + 1
    set_state(plan, slot, base, level)
    count_page(table, slot)
    mark_moved(plan, slot)
    note_giant(table, slot)
    return steps


cdef void replan(Table *table, uint32_t slot) noexcept nogil:
    """Plan a page that is new or has changed."""
    cdef int32_t[4] own
    if table.plan.made:
        table.plan.fresh = False
        enter(table, slot, lay(table, slot, own))


cdef void reheat(Table *table, uint32_t slot, int64_t heat) noexcept nogil:
    """Give a page another heat; neither its base nor its frontier depends on it."""
    cdef Plan *plan = &table.plan
    cdef PageRecord *record = &table.records[slot]
    cdef uint32_t quality
    cdef int32_t[4] own
    if not plan.made:
        record.heat = heat
        return
    plan.fresh = False
    quality = quality_at(record, level_of(plan, slot))
    take_worth(&plan.worth, record.heat, quality)
    record.heat = heat
    add_worth(&plan.worth, heat, quality)
    enter(table, slot, steps_at(table, slot, own))


cdef void touch_page(Table *table, uint32_t slot, uint32_t turn) noexcept nogil:
    cdef PageRecord *record = &table.records[slot]
    cdef uint32_t before = record.last_turn
    see(table, record, turn)
    if record.last_turn > before:
        record.flags |= CHANGED
        reheat(
            table, slot,
            record.heat + turn_heat(record.last_turn, table.half_life)
            - turn_heat(before, table.half_life),
        )


cdef void rebase(Table *table, uint32_t slot) noexcept nogil:
    """Plan a page anew if what is required of it has changed."""
    if table.plan.made and base_level(&table.records[slot]) != base_of(&table.plan, slot):
        unplan(table, slot)
        replan(table, slot)


cdef void forget(Table *table, uint32_t slot) noexcept nogil:
    """Take a page that is about to be removed out of the plan."""
    if table.plan.made:
        unplan(table, slot)
        leave(table, slot)
        set_state(&table.plan, slot, 0, STATE_BLANK)


cdef void unsettle(Table *table, uint32_t slot) noexcept nogil:
    """Note that a page's resident level was set without a selection."""
    if table.plan.made:
        table.plan.fresh = False
        mark_moved(&table.plan, slot)


cdef void set_planned(
    Table *table, uint32_t slot, uint32_t level, const int32_t *steps
) noexcept nogil:
    """Move a page to another level of its frontier."""
    cdef Plan *plan = &table.plan
    cdef const PageRecord *record = &table.records[slot]
    cdef uint32_t before = level_of(plan, slot)
    plan.used_tokens += tokens_at(record, level)
    plan.used_tokens -= tokens_at(record, before)
    take_worth(&plan.worth, record.heat, quality_at(record, before))
    add_worth(&plan.worth, record.heat, quality_at(record, level))
    set_state(plan, slot, base_of(plan, slot), level)
    mark_moved(plan, slot)
    enter(table, slot, steps)


cdef void take_step(Table *table, uint32_t slot) noexcept nogil:
    cdef int32_t[4] own
    cdef const int32_t *steps = steps_at(table, slot, own)
    table.plan.steps += 1
    set_planned(table, slot, next_level(steps, level_of(&table.plan, slot)), steps)


cdef void give_back_worst(Table *table) noexcept nogil:
    cdef uint32_t slot = slot_of(table.plan.taken.entries[0])
    cdef int32_t[4] own
    cdef const int32_t *steps = steps_at(table, slot, own)
    cdef uint32_t level = level_of(&table.plan, slot)
    table.plan.steps += 1
    set_planned(table, slot, level_before(steps, level, base_of(&table.plan, slot)), steps)


cdef bint worst_is_worse(const Table *table) noexcept nogil:
    """Tell whether the worst step taken comes after the best that waits."""
    cdef uint64_t taken = table.plan.taken.entries[0]
    cdef uint64_t waiting = opposite(table.plan.waiting.entries[0])
    cdef int64_t taken_key, waiting_key
    if (taken ^ waiting) >> SLOT_BITS:
        return taken < waiting
    taken_key = key_at(table, slot_of(taken), False)
    waiting_key = key_at(table, slot_of(waiting), True)
    if taken_key != waiting_key:
        return taken_key < waiting_key
    return compare_ids(table, slot_of(taken), slot_of(waiting)) > 0


cdef uint64_t next_cost(const Table *table, uint32_t slot) noexcept nogil:
    """Return the tokens of the step that a page would take next."""
    cdef int32_t[4] own
    cdef const PageRecord *record = &table.records[slot]
    cdef uint32_t level = level_of(&table.plan, slot)
    cdef uint32_t above = next_level(steps_at(table, slot, own), level)
    return tokens_at(record, above) - tokens_at(record, level)


cdef void settle(Table *table, uint64_t budget) noexcept nogil:
    """Make the levels the prefix: the steps, in their order, before the first that does not fit.

    What has been taken at the end comes before all that waits, and the first that waits does not
    fit; only the prefix is so. The floor must fit the budget.
    """
    cdef Plan *plan = &table.plan
    while plan.used_tokens > budget:
        give_back_worst(table)
    while plan.waiting.size:
        if plan.used_tokens + next_cost(table, slot_of(plan.waiting.entries[0])) <= budget:
            take_step(table, slot_of(plan.waiting.entries[0]))
        elif plan.taken.size and worst_is_worse(table):
            give_back_worst(table)
        else:
            break
