# Residency selection (twin: selector.py, which tells what and why; here from the last plan on).

cdef class Selection:
    """What ``PageTable.select`` decided; the twin's docstring lists the attributes."""

    cdef Decision decision
    cdef readonly int64_t budget
    cdef readonly list required
    cdef readonly bytes packed
    cdef list unpacked

    def __init__(self):
        raise TypeError("a Selection is made by PageTable.select()")

    @property
    def feasible(self):
        return self.decision.feasible

    @property
    def floor_tokens(self):
        return self.decision.floor_tokens

    @property
    def used_tokens(self):
        return self.decision.used_tokens

    @property
    def value(self):
        return as_int(&self.decision.value)

    @property
    def bound(self):
        return as_int(&self.decision.bound)

    @property
    def steps(self):
        return self.decision.steps

    @property
    def moves(self):
        if self.unpacked is None:
            self.unpacked = unpacked_moves(self.packed)
        return self.unpacked

    def __repr__(self):
        return (
            f"{type(self).__name__}(feasible={self.feasible}, budget={self.budget}, "
            f"floor_tokens={self.floor_tokens}, used_tokens={self.used_tokens}, "
            f"value={self.value}, bound={self.bound}, required={len(self.required)} pages, "
            f"moves={len(self.packed) // 4}, steps={self.steps})"
        )


# The first step that does not fit.
cdef struct Split:
    bint seen
    uint32_t slot
    uint32_t level
    uint32_t above
    uint32_t rise
    uint32_t cost
    uint32_t left


cdef Split find_split(const Table *table, uint64_t budget) noexcept nogil:
    cdef const Plan *plan = &table.plan
    cdef const PageRecord *record
    cdef int32_t[4] own
    cdef Split split
    memset(&split, 0, sizeof(Split))
    if plan.waiting.size:
        split.seen, split.slot = True, slot_of(plan.waiting.entries[0])
        record = &table.records[split.slot]
        split.level = level_of(plan, split.slot)
        split.above = next_level(steps_at(table, split.slot, own), split.level)
        split.rise = quality_at(record, split.above) - quality_at(record, split.level)
        split.cost = tokens_at(record, split.above) - tokens_at(record, split.level)
        split.left = <uint32_t> (budget - plan.used_tokens)    # less than the cost
    return split


cdef void add_margin(
    const Table *table, const Split *split, int64_t now, Wide *value
) noexcept nogil:
    """Make a bound of the prefix's value (twin: `_bound`)."""
    cdef Wide product
    cdef uint32_t lowest = 0
    if not split.seen:
        return
    product.high, product.low = 0, split.rise
    add_product(&product, score(table.records[split.slot].heat, now), split.rise)
    product = times(&product, split.left, &lowest)
    product = divided_up(&product, lowest, split.cost)
    add_wide(value, &product)
    product = shifted_right(value[0], MARGIN_SHIFT)
    add_wide(value, &product)
    add_small(value, 2)


cdef bint single_wins(const Table *table, const Split *split) noexcept nogil:
    """Tell whether the split step's page alone gains more than the prefix (twin: `_single`).

    What was taken gains at least as much for each token as the split step does, up to the
    logarithms' rounding, so that twice enough tokens settle it without a look at the pages.
    """
    cdef const Plan *plan = &table.plan
    cdef const PageRecord *record = &table.records[split.slot]
    cdef const PageRecord *other
    cdef uint32_t place, slot
    cdef uint32_t rise = quality_at(record, split.above)
    cdef uint64_t most, part, gain = 0
    cdef uint64_t taken = min(plan.used_tokens - plan.floor_tokens, <uint64_t> 1 << 48)
    rise -= quality_at(record, base_of(plan, split.slot))
    if taken * split.rise >= 2 * <uint64_t> rise * split.cost:
        return False
    most = (<uint64_t> 1 << SCORE_EXPONENT) * rise
    for place in range(plan.taken.size):
        slot = slot_of(plan.taken.entries[place])
        other = &table.records[slot]
        part = score(other.heat, record.heat)
        if part >= most:
            return False
        part *= (
            quality_at(other, level_of(plan, slot)) - quality_at(other, base_of(plan, slot))
        )
        gain += part
        if gain >= most:
            return False
    return True


cdef void take_single(Table *table, const Split *split, uint64_t budget) noexcept nogil:
    """Raise the split step's page first, and take the prefix of the others (twin: `_around`).

    Then the plan is no prefix any more; the next `settle` makes it one.
    """
    cdef int32_t[4] own
    cdef const int32_t *steps = steps_at(table, split.slot, own)
    set_planned(table, split.slot, split.above, steps)
    drop_entry(table, &table.plan.taken, split.slot)
    while table.plan.used_tokens > budget:
        give_back_worst(table)
    enter(table, split.slot, steps)


cdef void swap_seats(Table *table) noexcept nogil:
    """Give the repaired pages their resident levels in the plan, or take them back.

    Beside level and worth nothing of the plan changes.
    """
    cdef Plan *plan = &table.plan
    cdef const PageRecord *record
    cdef uint32_t place, slot, level
    for place in range(plan.seats):
        slot = plan.seat_slots[place]
        level, record = level_of(plan, slot), &table.records[slot]
        take_worth(&plan.worth, record.heat, quality_at(record, level))
        add_worth(&plan.worth, record.heat, quality_at(record, plan.seat_levels[place]))
        set_state(plan, slot, base_of(plan, slot), plan.seat_levels[place])
        plan.seat_levels[place] = <uint8_t> level
        mark_moved(plan, slot)


cdef uint32_t pages_raised(const Plan *plan) noexcept nogil:
    """Count the pages above their base, the repaired ones being at their resident levels."""
    cdef uint32_t place, raised = plan.taken.size
    for place in range(plan.seats):
        raised += level_of(plan, plan.seat_slots[place]) > base_of(plan, plan.seat_slots[place])
        raised -= plan.seat_levels[place] > base_of(plan, plan.seat_slots[place])
    return raised


cdef inline uint32_t packed_move(uint32_t slot, uint32_t old, uint32_t new) noexcept nogil:
    return slot | old << 24 | new << 28


cdef void commit(Table *table) noexcept nogil:
    """Make the planned levels resident; of the list of what has moved, that what did is left."""
    cdef Plan *plan = &table.plan
    cdef PageRecord *record
    cdef uint32_t place, slot, level, count = 0
    for place in range(plan.moved.count):
        slot = plan.moved.slots[place]
        plan.states[slot] &= ~STATE_MOVED
        record, level = &table.records[slot], level_of(plan, slot)
        if level != STATE_BLANK and level != record.level:
            plan.moved.slots[count] = packed_move(slot, record.level, level)
            count += 1
            set_resident(table, record, level)
    plan.moved.count = count
    sort_moves(plan.moved.slots, count)


cdef int compare_moves(const void *left, const void *right) noexcept nogil:
    cdef uint32_t first = (<const uint32_t *> left)[0] & SLOT_MASK
    cdef uint32_t second = (<const uint32_t *> right)[0] & SLOT_MASK
    return <int> first - <int> second


cdef void sort_moves(uint32_t *moves, uint32_t count) noexcept nogil:
    cdef uint32_t place, hole, move
    if count > 32:
        qsort(moves, count, sizeof(uint32_t), compare_moves)
        return
    for place in range(1, count):
        move, hole = moves[place], place
        while hole and (moves[hole - 1] & SLOT_MASK) > (move & SLOT_MASK):
            moves[hole] = moves[hole - 1]
            hole -= 1
        moves[hole] = move


cdef void drop_demands(Table *table) noexcept nogil:
    cdef SlotList *demanded = &table.plan.demanded
    cdef uint32_t place, slot
    cdef uint32_t count = table.end if demanded.lost else demanded.count
    for place in range(count):
        slot = place if demanded.lost else demanded.slots[place]
        if table.records[slot].demand:
            table.records[slot].demand = 0
            rebase(table, slot)
    demanded.count, demanded.lost = 0, False


cdef void choose(Table *table, uint64_t budget, int64_t now, Decision *decision) noexcept nogil:
    """Find the levels within a budget that the floor fits."""
    cdef Plan *plan = &table.plan
    cdef Split split
    set_room(table, budget - plan.floor_tokens)
    settle(table, budget)
    split = find_split(table, budget)
    plan.split_key = key_at(table, split.slot, True) if split.seen else INT64_MIN
    decision.bound = total_worth(&plan.worth, now)
    add_margin(table, &split, now, &decision.bound)
    plan.fresh, plan.budget = True, budget
    if split.seen and single_wins(table, &split):
        take_single(table, &split, budget)
        plan.fresh = False
    repair_plan(table, budget - plan.used_tokens)
    swap_seats(table)
    decision.value = total_worth(&plan.worth, now)
    decision.steps = pages_raised(plan)
    commit(table)


cdef void tell_again(Table *table, int64_t now, Decision *decision) noexcept nogil:
    """Give the figures of a plan that is still the last one; time has passed."""
    cdef Plan *plan = &table.plan
    cdef Split split = find_split(table, plan.budget)
    decision.bound = total_worth(&plan.worth, now)
    add_margin(table, &split, now, &decision.bound)
    swap_seats(table)
    decision.value = total_worth(&plan.worth, now)
    decision.steps = pages_raised(plan)
    commit(table)


cdef void decide(Table *table, uint64_t budget, uint32_t turn, Decision *decision) noexcept nogil:
    """Select, and make the levels resident if the floor fits; then `close_selection` is due."""
    cdef Plan *plan = &table.plan
    cdef int64_t now = now_of(table, turn)
    memset(decision, 0, sizeof(Decision))
    if not plan.made or plan.outgrown:
        make_plan(table, plan.room if plan.made else budget)
    decision.feasible = plan.floor_tokens <= budget
    decision.floor_tokens = plan.floor_tokens
    if decision.feasible:
        if plan.fresh and plan.budget == budget:
            tell_again(table, now, decision)
        else:
            choose(table, budget, now, decision)
    decision.used_tokens = table.used_tokens
    table.selects += 1


cdef void close_selection(Table *table) noexcept nogil:
    """Forget the moves of a feasible selection, and the demands that it met."""
    table.plan.moved.count = 0
    swap_seats(table)
    drop_demands(table)


cdef bytes packed_moves(const uint32_t *moves, uint32_t count):
    """Return moves as bytes, little-endian."""
    cdef Py_ssize_t size = count * <Py_ssize_t> sizeof(uint32_t)
    cdef bytes packed = PyBytes_FromStringAndSize(<const char *> moves, size)
    return layout.swapped_words(packed) if BIG_ENDIAN else packed


cdef list unpacked_moves(bytes packed):
    cdef const uint8_t *word = <const uint8_t *> PyBytes_AS_STRING(packed)
    cdef Py_ssize_t place, count = PyBytes_GET_SIZE(packed) // 4
    cdef list moves = PyList_New(count)
    cdef object move
    for place in range(count):
        move = (
            <uint32_t> word[0] | <uint32_t> word[1] << 8 | <uint32_t> word[2] << 16,
            word[3] & 15,
            word[3] >> 4,
        )
        Py_INCREF(move)
        PyList_SET_ITEM(moves, place, move)
        word += 4
    return moves


cdef list required_slots(const Table *table):
    """Return the slots of the floor, dearest first, then by page id."""
    cdef list required = []
    cdef uint32_t slot, base
    for slot in range(table.end):
        if table.records[slot].flags & LIVE:
            base = base_level(&table.records[slot])
            if base:
                required.append((
                    -<int64_t> tokens_at(&table.records[slot], base),
                    id_text(table, &table.records[slot]),
                    slot,
                ))
    required.sort()
    return [slot for _, _, slot in required]


cdef int tell(Table *table, Selection selection) except -1:
    """Put what `decide` left into Python objects, and close the selection.

    The moves come first: making a list may run other code, which may use the table.
    """
    selection.packed = b""
    if selection.decision.feasible:
        if table.plan.moved.count:
            selection.packed = packed_moves(table.plan.moved.slots, table.plan.moved.count)
        close_selection(table)
        selection.required = []
    else:
        selection.required = required_slots(table)
    return 0
