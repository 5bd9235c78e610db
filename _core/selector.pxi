# Residency selection (twin: selector.py, which tells what and why).

@cython.final
cdef class Selection:
    """What ``PageTable.select`` decided; the twin's docstring lists the attributes."""

    cdef readonly bint feasible
    cdef readonly object budget
    cdef readonly object floor_tokens
    cdef readonly object used_tokens
    cdef readonly object value
    cdef readonly object bound
    cdef readonly list required
    cdef readonly list moves
    cdef readonly object steps

    def __init__(self):
        raise TypeError("a Selection is made by PageTable.select()")

    def __repr__(self):
        return (
            f"Selection(feasible={self.feasible}, budget={self.budget}, "
            f"floor_tokens={self.floor_tokens}, used_tokens={self.used_tokens}, "
            f"value={self.value}, bound={self.bound}, required={len(self.required)} pages, "
            f"moves={len(self.moves)}, steps={self.steps})"
        )


# The floor of one selection: what it costs and is worth, and the hottest page's heat.
cdef struct Floor:
    uint64_t tokens
    Wide value
    int64_t heat_max
    uint32_t pages

# All of a selection's figures; its lists are in the scratch.
cdef struct Decision:
    Floor floor
    bint feasible
    Misfit misfit
    Wide first_gain      # of the greedy before a single raise may have replaced its answer
    Wide gain
    uint64_t used_tokens
    uint64_t steps
    uint32_t moves


cdef int reserve_scratch(Scratch *scratch, uint32_t capacity) except -1:
    """Let the scratch serve a table of this capacity."""
    if capacity <= scratch.capacity:
        return 0
    free_scratch(scratch)
    scratch.heap = <Entry *> PyMem_Malloc(<size_t> capacity * sizeof(Entry))
    scratch.rest = <Entry *> PyMem_Malloc(<size_t> capacity * sizeof(Entry))
    scratch.required = <uint32_t *> PyMem_Malloc(<size_t> capacity * sizeof(uint32_t))
    scratch.plan = <uint8_t *> PyMem_Malloc(capacity)
    if not (scratch.heap and scratch.rest and scratch.required and scratch.plan):
        free_scratch(scratch)
        raise MemoryError()
    scratch.capacity = capacity
    return 0


cdef void free_scratch(Scratch *scratch) noexcept:
    PyMem_Free(scratch.heap)
    PyMem_Free(scratch.rest)
    PyMem_Free(scratch.required)
    PyMem_Free(scratch.plan)
    memset(scratch, 0, sizeof(Scratch))


cdef Floor lay_floor(const Table *table, Scratch *scratch, int64_t now) noexcept nogil:
    """Set every page's base; the required pages go to the heap, dearest on top."""
    cdef const PageRecord *record
    cdef uint32_t slot, base
    cdef Floor floor
    memset(&floor, 0, sizeof(Floor))
    for slot in range(table.end):
        record = &table.records[slot]
        if not record.flags & LIVE:
            scratch.plan[slot] = PLAN_DEAD
            continue
        floor.heat_max = max(floor.heat_max, record.heat)
        base = base_level(record)
        scratch.plan[slot] = <uint8_t> (base << PLAN_BASE_SHIFT | base)
        if base:
            floor.tokens += tokens_at(record, base)
            add_product(&floor.value, score(record.heat, now), quality_at(record, base))
            scratch.heap[floor.pages].key = tokens_at(record, base)
            scratch.heap[floor.pages].slot = slot
            floor.pages += 1
    heapify(table, scratch.heap, floor.pages)
    return floor


cdef void drain(const Table *table, Scratch *scratch, uint32_t size) noexcept nogil:
    """Write the heap's slots to the scratch's list of required ones, top first."""
    cdef uint32_t place = 0
    while size:
        scratch.required[place] = scratch.heap[0].slot
        place += 1
        size = drop_top(table, scratch.heap, size)


cdef uint32_t best_single(Run *run, uint64_t room) noexcept nogil:
    """Return the slot whose one raise from its base beats the run's gain by most, or NO_SLOT."""
    cdef const PageRecord *record
    cdef uint32_t slot, base, above, best = NO_SLOT
    cdef Wide gain, most = run.gain
    for slot in range(run.table.end):
        if run.plan[slot] & PLAN_DEAD:
            continue
        record, base = &run.table.records[slot], base_of(run, slot)
        above = best_fitting(record, base, room)
        if not above:
            continue
        gain.high = gain.low = 0
        add_product(
            &gain, score(record.heat, run.now), quality_at(record, above) - quality_at(record, base)
        )
        if more(&gain, &most) or (
            best != NO_SLOT and not more(&most, &gain) and compare_ids(run.table, slot, best) < 0
        ):
            best, most = slot, gain
    return best


cdef void start_run(Run *run, uint64_t room) noexcept nogil:
    """Forget what a run has done; the pages must be at their bases."""
    run.room = room
    run.gain.high = run.gain.low = run.quality = run.steps = 0


cdef void lower_to_bases(Run *run) noexcept nogil:
    cdef uint32_t slot, base
    for slot in range(run.table.end):
        if not run.plan[slot] & PLAN_DEAD:
            base = base_of(run, slot)
            run.plan[slot] = <uint8_t> (base << PLAN_BASE_SHIFT | base)


cdef void guard(Run *run, uint64_t room, int64_t heat_max) noexcept nogil:
    """If one raise of one page gains more than the whole run, make that and run for the others."""
    cdef Wide most
    cdef uint32_t slot
    most.high = most.low = 0
    add_product(&most, score(heat_max, run.now), QUALITY_MAX)
    if not more(&most, &run.gain):
        return
    slot = best_single(run, room)
    if slot == NO_SLOT:
        return
    lower_to_bases(run)
    start_run(run, room)
    raise_page(run, slot, best_fitting(&run.table.records[slot], base_of(run, slot), room))
    run.plan[slot] |= PLAN_DONE
    greedy(run)


cdef void commit(Table *table, Scratch *scratch, Decision *decision) noexcept nogil:
    """Make the planned levels resident, drop the demands and note what moved."""
    cdef PageRecord *record
    cdef uint32_t slot, level
    for slot in range(table.end):
        if scratch.plan[slot] & PLAN_DEAD:
            continue
        record, level = &table.records[slot], scratch.plan[slot] & PLAN_LEVEL
        record.demand = 0
        if level != record.level:
            scratch.heap[decision.moves].slot = slot
            scratch.heap[decision.moves].key = record.level << 8 | level
            decision.moves += 1
            set_resident(table, record, level)


cdef void decide(
    Table *table, Scratch *scratch, uint64_t budget, uint32_t turn, Decision *decision
) noexcept nogil:
    """Select, and make the levels resident if the floor fits."""
    cdef Run run
    cdef uint64_t room
    memset(decision, 0, sizeof(Decision))
    run.now = now_of(table, turn)
    decision.floor = lay_floor(table, scratch, run.now)
    drain(table, scratch, decision.floor.pages)
    table.selects += 1
    decision.feasible = decision.floor.tokens <= budget
    if decision.feasible:
        room = budget - decision.floor.tokens
        run.table, run.plan = table, scratch.plan
        run.heap, run.rest = scratch.heap, scratch.rest
        run.anchor = decision.floor.heat_max + DENSITY_TOP
        run.misfit.seen = False
        start_run(&run, room)
        greedy(&run)
        decision.misfit, decision.first_gain = run.misfit, run.gain
        guard(&run, room, decision.floor.heat_max)
        decision.gain, decision.steps = run.gain, run.steps
        commit(table, scratch, decision)
        table.steps += run.steps
    decision.used_tokens = table.used_tokens


cdef object bound_of(const Misfit *misfit):
    """Return the twin's `_Run.fix_bound`."""
    cdef object cost = misfit.cost
    cdef object fraction, loose
    fraction = -(-((<object> misfit.score + 1) * misfit.rise * misfit.room) // cost)
    loose = as_int(&misfit.gain) + misfit.quality + fraction
    return loose + (loose >> 16) + 1


cdef int tell(const Decision *decision, const Scratch *scratch, Selection selection) except -1:
    """Put a decision into Python objects."""
    cdef uint32_t place
    cdef object floor_value = as_int(&decision.floor.value)
    selection.feasible = decision.feasible
    selection.floor_tokens = decision.floor.tokens
    selection.used_tokens = decision.used_tokens
    selection.steps = decision.steps
    selection.value = selection.bound = 0
    if decision.feasible:
        selection.value = floor_value + as_int(&decision.gain)
        selection.bound = floor_value + (
            bound_of(&decision.misfit) if decision.misfit.seen else as_int(&decision.first_gain)
        )
    selection.required = []
    for place in range(decision.floor.pages):
        selection.required.append(scratch.required[place])
    selection.moves = []
    for place in range(decision.moves):
        selection.moves.append((
            scratch.heap[place].slot, scratch.heap[place].key >> 8, scratch.heap[place].key & 0xFF
        ))
    return 0
