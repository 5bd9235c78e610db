# A plan made from nothing: of a table's first selection, and when its keys have outgrown the heaps.

cdef enum:
    GUESSES = 512
    GUESS_BITS = 17           # 512 parts of an eighth of a doubling each


cdef int64_t guessed_split(
    const Table *table, uint64_t budget, int64_t hottest
) noexcept nogil:
    """Return a key above which about all steps fit, told from the tokens of steps of like key."""
    cdef uint64_t[GUESSES] tokens
    cdef const PageRecord *record
    cdef const int32_t *steps
    cdef int32_t[4] own
    cdef int64_t highest = hottest + DENSITY_MAX
    cdef uint32_t slot, place, level
    memset(tokens, 0, sizeof(tokens))
    for slot in range(table.end):
        record = &table.records[slot]
        if record.flags & LIVE:
            level = base_level(record)
            steps = steps_of(record, level, budget, own)
            budget -= min(budget, <uint64_t> tokens_at(record, level))
            while next_level(steps, level):
                place = next_level(steps, level)
                tokens[min(
                    (highest - record.heat - steps[place - 1]) >> GUESS_BITS,
                    <int64_t> (GUESSES - 1),
                )] += tokens_at(record, place) - tokens_at(record, level)
                level = place
    for place in range(<uint32_t> GUESSES):
        if tokens[place] > budget:
            break
        budget -= tokens[place]
    return highest - (<int64_t> place << GUESS_BITS)


cdef void make_plan(Table *table, uint64_t room) noexcept nogil:
    """Plan every page from nothing, and spread the heaps' keys round those that there are."""
    cdef Plan *plan = &table.plan
    cdef int64_t hottest = 0
    cdef uint32_t slot
    cdef int32_t[4] own
    for slot in range(table.end):
        hottest = max(hottest, table.records[slot].heat)
    clear_worth(&plan.worth)
    plan.origin = hottest - <int64_t> (KEY_MAX >> 1)
    plan.outgrown = plan.giants.lost = False
    plan.taken.size = plan.waiting.size = 0
    plan.moved.count = plan.giants.count = 0
    plan.floor_tokens = plan.used_tokens = 0
    plan.room, plan.giant_tokens = room, room >> 1
    if not plan.made:
        plan.split_key = guessed_split(table, room, hottest)
    for slot in range(table.end):
        plan.states[slot] = STATE_BLANK
        plan.taken.places[slot] = plan.waiting.places[slot] = NO_PLACE
        if table.records[slot].flags & LIVE:
            append_entries(table, slot, lay(table, slot, own))
    heapify(table, &plan.taken)
    heapify(table, &plan.waiting)
    plan.made = True


cdef void append_entries(Table *table, uint32_t slot, const int32_t *steps) noexcept nogil:
    """Add a page's entries at the ends of the heaps, in no order yet."""
    cdef Plan *plan = &table.plan
    cdef int64_t heat = table.records[slot].heat
    cdef uint32_t level = level_of(plan, slot)
    cdef uint32_t above = next_level(steps, level)
    if level > base_of(plan, slot):
        put_entry(
            &plan.taken, plan.taken.size, entry_of(plan, heat + steps[level - 1], slot)
        )
        plan.taken.size += 1
    if above:
        put_entry(
            &plan.waiting, plan.waiting.size,
            opposite(entry_of(plan, heat + steps[above - 1], slot)),
        )
        plan.waiting.size += 1
