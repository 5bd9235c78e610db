# One pass of the greedy (twin: selector.py, `_greedy`). The twin keeps every page in one heap. Here
# most steps never enter one: they are counted into buckets of like density, all buckets that fit
# the room whole are taken at once, and only the bucket in which the room runs out is walked in
# order. What still fits after that is found among the few pages that have a raise small enough.

cdef enum:
    BUCKETS = 1024
    BUCKET_BITS = 16          # a bucket spans 2**-4 of a doubling, all buckets 64 doublings
    DENSITY_TOP = 22 << 20    # no density is above log2(1000 << 12)
    PLAN_DONE = 0x80          # a misfit has ended this page's climb
    PLAN_DEAD = 0x40
    PLAN_LEVEL = 0x07
    PLAN_BASE_SHIFT = 3

cdef struct Scratch:
    Entry *heap
    uint8_t *plan             # by slot: level, base and the two flags
    uint32_t capacity

cdef struct Misfit:
    bint seen
    uint64_t score
    uint64_t room
    uint32_t rise
    uint32_t cost
    Wide gain
    uint64_t quality

# What one pass has done, above the floor.
cdef struct Run:
    const Table *table
    Entry *heap
    uint8_t *plan
    uint64_t[BUCKETS] weights
    int64_t now
    int64_t anchor            # a key that none reaches, which opens the first bucket
    uint64_t room_start
    uint64_t room
    Wide gain
    uint64_t quality
    uint64_t steps
    Misfit misfit


cdef inline uint32_t level_of(const Run *run, uint32_t slot) noexcept nogil:
    return run.plan[slot] & PLAN_LEVEL


cdef inline uint32_t base_of(const Run *run, uint32_t slot) noexcept nogil:
    return (run.plan[slot] >> PLAN_BASE_SHIFT) & PLAN_LEVEL


cdef inline uint32_t bucket_of(const Run *run, int64_t key) noexcept nogil:
    cdef int64_t bucket = (run.anchor - key) >> BUCKET_BITS
    c_assert(bucket >= 0)
    return <uint32_t> min(bucket, <int64_t> (BUCKETS - 1))


cdef void raise_page(Run *run, uint32_t slot, uint32_t above) noexcept nogil:
    cdef const PageRecord *record = &run.table.records[slot]
    cdef uint32_t level = level_of(run, slot)
    cdef uint32_t rise = quality_at(record, above) - quality_at(record, level)
    cdef uint32_t cost = tokens_at(record, above) - tokens_at(record, level)
    c_assert(cost <= run.room)
    run.room -= cost
    add_product(&run.gain, score(record.heat, run.now), rise)
    run.quality += rise
    run.steps += 1
    run.plan[slot] = <uint8_t> ((run.plan[slot] & ~PLAN_LEVEL) | above)


cdef void note_misfit(Run *run, uint32_t slot, uint32_t above) noexcept nogil:
    """Keep what the bound needs of the first step that does not fit."""
    cdef const PageRecord *record = &run.table.records[slot]
    cdef uint32_t level = level_of(run, slot)
    run.misfit.seen = True
    run.misfit.score = score(record.heat, run.now)
    run.misfit.rise = quality_at(record, above) - quality_at(record, level)
    run.misfit.cost = tokens_at(record, above) - tokens_at(record, level)
    run.misfit.room = run.room
    run.misfit.gain = run.gain
    run.misfit.quality = run.quality


cdef void weigh(Run *run) noexcept nogil:
    """Count the tokens of every step into the bucket of its density."""
    cdef const PageRecord *record
    cdef const int32_t *steps
    cdef int32_t[4] own
    cdef uint32_t slot, level, before, base
    memset(run.weights, 0, sizeof(run.weights))
    for slot in range(run.table.end):
        if run.plan[slot] & (PLAN_DEAD | PLAN_DONE):
            continue
        record, base = &run.table.records[slot], base_of(run, slot)
        steps = steps_of(record, base, run.room_start, own)
        before = tokens_at(record, base)
        for level in range(4):
            if steps[level] != NO_STEP:
                run.weights[bucket_of(run, record.heat + steps[level])] += (
                    record.tokens[level] - before
                )
                before = record.tokens[level]


cdef uint32_t edge(const Run *run) noexcept nogil:
    """Return the bucket in which the room runs out, BUCKETS if it does not."""
    cdef uint64_t taken = 0
    cdef uint32_t bucket
    for bucket in range(BUCKETS):
        taken += run.weights[bucket]
        if taken > run.room_start:
            return bucket
    return BUCKETS


cdef uint32_t take_whole(Run *run, uint32_t bucket_end) noexcept nogil:
    """Take all steps of the buckets before `bucket_end`; put the next steps of that one in the heap."""
    cdef const PageRecord *record
    cdef const int32_t *steps
    cdef int32_t[4] own
    cdef uint32_t slot, level, base, place, bucket, rise, size = 0
    for slot in range(run.table.end):
        if run.plan[slot] & (PLAN_DEAD | PLAN_DONE):
            continue
        record, base = &run.table.records[slot], base_of(run, slot)
        steps = steps_of(record, base, run.room_start, own)
        level = base
        for place in range(4):
            if steps[place] == NO_STEP:
                continue
            bucket = bucket_of(run, record.heat + steps[place])
            if bucket >= bucket_end:
                if bucket == bucket_end:
                    run.heap[size].key, run.heap[size].slot = record.heat + steps[place], slot
                    size += 1
                break
            level = place + 1
            run.steps += 1
        if level != base:
            rise = quality_at(record, level) - quality_at(record, base)
            run.room -= tokens_at(record, level) - tokens_at(record, base)
            run.quality += rise
            add_product(&run.gain, score(record.heat, run.now), rise)
            run.plan[slot] = <uint8_t> ((run.plan[slot] & ~PLAN_LEVEL) | level)
    heapify(run.table, run.heap, size)
    return size


cdef uint32_t step_top(Run *run, uint32_t size) noexcept nogil:
    """Take the top page's next step, or end its climb if that does not fit; return the heap's size."""
    cdef uint32_t slot = run.heap[0].slot
    cdef const PageRecord *record = &run.table.records[slot]
    cdef int32_t[4] own
    cdef const int32_t *steps = steps_of(record, base_of(run, slot), run.room_start, own)
    cdef uint32_t level = level_of(run, slot)
    cdef uint32_t above = next_level(steps, level)
    cdef Entry entry
    if tokens_at(record, above) - tokens_at(record, level) > run.room:
        if not run.misfit.seen:
            note_misfit(run, slot, above)
        above = best_fitting(record, level, run.room)
        if above:
            raise_page(run, slot, above)
        run.plan[slot] |= PLAN_DONE
        return drop_top(run.table, run.heap, size)
    raise_page(run, slot, above)
    above = next_level(steps, above)
    if not above:
        return drop_top(run.table, run.heap, size)
    entry.key, entry.slot = record.heat + steps[above - 1], slot
    sift_down(run.table, run.heap, size, 0, entry)
    return size


cdef uint32_t gather(Run *run) noexcept nogil:
    """Fill the heap with the pages that have a step left and a raise small enough for the room."""
    cdef const PageRecord *record
    cdef const int32_t *steps
    cdef int32_t[4] own
    cdef uint32_t slot, level, above, size = 0
    for slot in range(run.table.end):
        if run.plan[slot] & (PLAN_DEAD | PLAN_DONE):
            continue
        record, level = &run.table.records[slot], level_of(run, slot)
        if next_gap(record, level) > run.room:
            continue
        steps = steps_of(record, base_of(run, slot), run.room_start, own)
        above = next_level(steps, level)
        if above:
            run.heap[size].key, run.heap[size].slot = record.heat + steps[above - 1], slot
            size += 1
    heapify(run.table, run.heap, size)
    return size


cdef uint32_t sieve(Run *run, uint32_t size) noexcept nogil:
    """Drop the pages whose every raise has become too dear for the room."""
    cdef uint32_t place, slot, kept = 0
    for place in range(size):
        slot = run.heap[place].slot
        if next_gap(&run.table.records[slot], level_of(run, slot)) <= run.room:
            run.heap[kept] = run.heap[place]
            kept += 1
    heapify(run.table, run.heap, kept)
    return kept


cdef void greedy(Run *run) noexcept nogil:
    """Spend `run.room`: densest step first, then whatever still fits."""
    cdef uint32_t size, bucket_end
    cdef uint64_t sieved
    run.room_start = run.room
    weigh(run)
    bucket_end = edge(run)
    size = take_whole(run, bucket_end)
    if bucket_end == BUCKETS:
        return
    while not run.misfit.seen:
        size = step_top(run, size)
    size = gather(run)
    sieved = run.room
    while size:
        size = step_top(run, size)
        if run.room <= sieved >> 1:
            size = sieve(run, size)
            sieved = run.room
