# Bounded exchange where the room runs out (twin: repair.py, which tells what and why).

cdef enum:
    ROUNDS = 4
    CHANGES = 4 * WINDOW + 1  # one more to write a change to that is not kept

# A page in a window.
cdef struct Seat:
    const PageRecord *record
    uint64_t score
    uint32_t slot
    uint32_t base
    uint32_t level

# One page to another level.
cdef struct Change:
    int64_t tokens
    int64_t worth
    uint32_t seat
    uint32_t level

cdef struct Repair:
    Seat[SEATS] seats
    uint32_t[WINDOW] taken       # places among the seats
    uint32_t[WINDOW] waiting
    uint32_t seated
    uint32_t taken_count
    uint32_t waiting_count
    int64_t left
    Change[CHANGES] raised
    Change[CHANGES] lowered
    uint32_t raised_count
    uint32_t lowered_count


cdef uint32_t seat_page(const Table *table, Repair *repair, uint32_t slot) noexcept nogil:
    """Return the place of a page among the seats, giving it one if it has none."""
    cdef Seat *seat
    cdef uint32_t place
    for place in range(repair.seated):
        if repair.seats[place].slot == slot:
            return place
    seat = &repair.seats[repair.seated]
    seat.record, seat.slot = &table.records[slot], slot
    seat.base, seat.level = base_of(&table.plan, slot), level_of(&table.plan, slot)
    repair.seated += 1
    return repair.seated - 1


cdef void seat_pages(const Table *table, Repair *repair) noexcept nogil:
    cdef uint32_t[WINDOW] slots
    cdef uint32_t place
    cdef int64_t hottest = 0
    repair.seated = 0
    repair.taken_count = tops_of(table, &table.plan.taken, slots)
    for place in range(repair.taken_count):
        repair.taken[place] = seat_page(table, repair, slots[place])
    repair.waiting_count = tops_of(table, &table.plan.waiting, slots)
    for place in range(repair.waiting_count):
        repair.waiting[place] = seat_page(table, repair, slots[place])
    for place in range(repair.seated):
        hottest = max(hottest, repair.seats[place].record.heat)
    for place in range(repair.seated):
        repair.seats[place].score = score(repair.seats[place].record.heat, hottest)


cdef inline void fill_change(
    const Repair *repair, uint32_t place, uint32_t level, Change *change
) noexcept nogil:
    cdef const Seat *seat = &repair.seats[place]
    cdef const PageRecord *record = seat.record
    cdef int64_t rise = <int64_t> quality_at(record, level) - quality_at(record, seat.level)
    change.seat, change.level = place, level
    change.tokens = <int64_t> tokens_at(record, level) - tokens_at(record, seat.level)
    change.worth = <int64_t> seat.score * rise


cdef void list_lowerings(Repair *repair) noexcept nogil:
    """List what the pages that were taken may be lowered to."""
    cdef uint32_t place, level, lowest
    cdef const Seat *seat
    repair.lowered_count = 0
    for place in range(repair.taken_count):
        seat = &repair.seats[repair.taken[place]]
        level, lowest = seat.level, max(seat.base, <uint32_t> 1)
        while level > lowest:
            level -= 1
            if present(seat.record, level):
                fill_change(
                    repair, repair.taken[place], level, &repair.lowered[repair.lowered_count]
                )
                repair.lowered_count += 1


cdef void list_raises(Repair *repair) noexcept nogil:
    """List what the pages that wait may be raised to, if it gains and any lowering pays for it."""
    cdef uint32_t place, level
    cdef int64_t most = repair.left
    cdef const Seat *seat
    cdef Change *change
    for place in range(repair.lowered_count):
        most = max(most, repair.left - repair.lowered[place].tokens)
    repair.raised_count = 0
    for place in range(repair.waiting_count):
        seat = &repair.seats[repair.waiting[place]]
        for level in range(seat.level + 1, LEVEL_FULL + 1):
            if present(seat.record, level):
                change = &repair.raised[repair.raised_count]
                fill_change(repair, repair.waiting[place], level, change)
                repair.raised_count += change.tokens <= most and change.worth > 0


cdef void make_change(Repair *repair, const Change *change) noexcept nogil:
    repair.seats[change.seat].level = change.level
    repair.left -= change.tokens


cdef bint exchange(Repair *repair) noexcept nogil:
    """Make the change, or the two, that gain most; tell whether any gains."""
    cdef const Change *up
    cdef const Change *down
    cdef const Change *best_up = NULL
    cdef const Change *best_down = NULL
    cdef int64_t most = 0, top = 0
    cdef uint32_t place, at
    list_lowerings(repair)
    list_raises(repair)
    for place in range(repair.raised_count):
        up = &repair.raised[place]
        top = max(top, up.worth)
        if up.tokens <= repair.left and up.worth > most:
            best_up, most = up, up.worth
    for place in range(repair.lowered_count):
        down = &repair.lowered[place]
        if top + down.worth <= most:
            continue
        for at in range(repair.raised_count):
            up = &repair.raised[at]
            if (
                up.worth + down.worth > most
                and up.tokens + down.tokens <= repair.left
                and up.seat != down.seat
            ):
                best_up, best_down, most = up, down, up.worth + down.worth
    if best_up == NULL:
        return False
    make_change(repair, best_up)
    if best_down != NULL:
        make_change(repair, best_down)
    return True


cdef void fill(Repair *repair, const uint32_t *window, uint32_t count) noexcept nogil:
    """Raise the pages of a window to what still fits."""
    cdef Change change
    cdef Seat *seat
    cdef uint32_t place, above
    for place in range(count):
        seat = &repair.seats[window[place]]
        above = best_fitting(seat.record, seat.level, <uint64_t> repair.left)
        if above:
            fill_change(repair, window[place], above, &change)
            make_change(repair, &change)


cdef void repair_plan(Table *table, uint64_t left) noexcept nogil:
    """Find the pages whose resident level is to differ from the plan's."""
    cdef Plan *plan = &table.plan
    cdef Repair repair
    cdef uint32_t place, rounds = 0
    plan.seats = 0
    if plan.waiting.size == 0:
        return
    seat_pages(table, &repair)
    repair.left = <int64_t> left
    while rounds < ROUNDS and exchange(&repair):
        rounds += 1
    fill(&repair, repair.waiting, repair.waiting_count)
    fill(&repair, repair.taken, repair.taken_count)
    for place in range(repair.seated):
        if repair.seats[place].level != level_of(plan, repair.seats[place].slot):
            plan.seat_slots[plan.seats] = repair.seats[place].slot
            plan.seat_levels[plan.seats] = <uint8_t> repair.seats[place].level
            plan.seats += 1
