# One pass of the greedy (twin: selector.py, `_greedy`). The twin keeps every page in one heap. Here
# most steps never enter one. They are counted into buckets of like density; all buckets that fit
# the room whole are taken at once, and only the bucket in which the room runs out is walked in
# order. Then the room is small: the pages left are looked at in windows of falling density, and
# of each window only those enter the heap that have a raise small enough for the room.

cdef enum:
    BUCKETS = 1024
    BUCKET_BITS = 16          # a bucket spans 2**-4 of a doubling, all buckets 64 doublings
    DENSITY_TOP = 22 << 20    # no density is above log2(1000 << 12)
    PLAN_DONE = 0x80          # a misfit has ended this page's climb
    PLAN_DEAD = 0x40
    PLAN_LEVEL = 0x07
    PLAN_BASE_SHIFT = 3
    WINDOW_FIRST = 1 << 18    # a quarter of a doubling; each further window is twice as wide
    WINDOW_LAST = 1 << 26     # as wide as all buckets; the window after it takes what is left

# What a selection needs beside the records, kept from one to the next.
cdef struct Scratch:
    Entry *heap
    Entry *rest               # pages with a step left, in no order
    uint32_t *required        # slots of the floor, dearest first
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
    Entry *rest
    uint8_t *plan
    uint32_t heap_size
    uint32_t rest_size
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


cdef inline int64_t key_end_of(const Run *run, uint32_t bucket) noexcept nogil:
    """Return the least key of a bucket; the last one takes all keys that are lower still."""
    if bucket == BUCKETS - 1:
        return INT64_MIN
    return run.anchor - ((<int64_t> bucket + 1) << BUCKET_BITS) + 1


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
    cdef uint32_t slot, before, base, place
    memset(run.weights, 0, sizeof(run.weights))
    for slot in range(run.table.end):
        if run.plan[slot] & (PLAN_DEAD | PLAN_DONE):
            continue
        record, base = &run.table.records[slot], base_of(run, slot)
        steps = steps_of(record, base, run.room_start, own)
        before = tokens_at(record, base)
        for place in range(<uint32_t> LEVEL_FULL):
            if steps[place] != NO_STEP:
                run.weights[bucket_of(run, record.heat + steps[place])] += (
                    record.tokens[place] - before
                )
                before = record.tokens[place]


cdef uint32_t edge(const Run *run) noexcept nogil:
    """Return the bucket in which the room runs out, BUCKETS if it does not."""
    cdef uint64_t taken = 0
    cdef uint32_t bucket
    for bucket in range(<uint32_t> BUCKETS):
        taken += run.weights[bucket]
        if taken > run.room_start:
            return bucket
    return BUCKETS


cdef void settle(Run *run, uint32_t slot, uint32_t base, uint32_t level) noexcept nogil:
    """Raise a page from its base over several steps at once."""
    cdef const PageRecord *record = &run.table.records[slot]
    cdef uint32_t rise = quality_at(record, level) - quality_at(record, base)
    run.room -= tokens_at(record, level) - tokens_at(record, base)
    run.quality += rise
    add_product(&run.gain, score(record.heat, run.now), rise)
    run.plan[slot] = <uint8_t> ((run.plan[slot] & ~PLAN_LEVEL) | level)


cdef void take_whole(Run *run, uint32_t bucket_end) noexcept nogil:
    """Take all steps before `bucket_end`; pages whose next step is in it go to the heap."""
    cdef const PageRecord *record
    cdef const int32_t *steps
    cdef int32_t[4] own
    cdef uint32_t slot, level, base, place, bucket
    cdef Entry entry
    run.heap_size = run.rest_size = 0
    for slot in range(run.table.end):
        if run.plan[slot] & (PLAN_DEAD | PLAN_DONE):
            continue
        record, base = &run.table.records[slot], base_of(run, slot)
        steps = steps_of(record, base, run.room_start, own)
        level = base
        for place in range(<uint32_t> LEVEL_FULL):
            if steps[place] == NO_STEP:
                continue
            entry.key = record.heat + steps[place]
            bucket = bucket_of(run, entry.key)
            if bucket < bucket_end:
                level = place + 1
                run.steps += 1
                continue
            entry.slot, entry.gap = slot, next_gap(record, level)
            if bucket == bucket_end:
                run.heap[run.heap_size] = entry
                run.heap_size += 1
            else:
                run.rest[run.rest_size] = entry
                run.rest_size += 1
            break
        if level != base:
            settle(run, slot, base, level)
    heapify(run.table, run.heap, run.heap_size)


cdef void step_top(Run *run, int64_t key_end) noexcept nogil:
    """Take the top page's next step, or end its climb if that does not fit.

    The page stays in the heap while its next key is at least `key_end`, and goes to the rest after.
    """
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
        run.heap_size = drop_top(run.table, run.heap, run.heap_size)
        return
    raise_page(run, slot, above)
    level, above = above, next_level(steps, above)
    if above:
        entry.key, entry.slot = record.heat + steps[above - 1], slot
        entry.gap = next_gap(record, level)
        if entry.key >= key_end:
            sift_down(run.table, run.heap, run.heap_size, 0, entry)
            return
        run.rest[run.rest_size] = entry
        run.rest_size += 1
    run.heap_size = drop_top(run.table, run.heap, run.heap_size)


cdef void gather(Run *run, int64_t key_end) noexcept nogil:
    """Move the rest's pages with a key of at least `key_end` to the heap.

    Pages whose every raise is too dear for the room are dropped: the room only shrinks.
    """
    cdef uint32_t place, kept = 0, size = run.heap_size
    for place in range(run.rest_size):
        if run.rest[place].gap > run.room:
            continue
        if run.rest[place].key >= key_end:
            run.heap[size] = run.rest[place]
            size += 1
        else:
            run.rest[kept] = run.rest[place]
            kept += 1
    run.heap_size, run.rest_size = size, kept
    heapify(run.table, run.heap, size)


cdef void greedy(Run *run) noexcept nogil:
    """Spend `run.room`: densest step first, then whatever still fits."""
    cdef uint32_t bucket_end
    cdef int64_t key_end, width = WINDOW_FIRST
    run.room_start = run.room
    weigh(run)
    bucket_end = edge(run)
    take_whole(run, bucket_end)
    if bucket_end == BUCKETS:
        return
    key_end = key_end_of(run, bucket_end)
    while run.heap_size:
        step_top(run, key_end)
    while run.rest_size:
        key_end = key_end - width if width < WINDOW_LAST else INT64_MIN
        width *= 2
        gather(run, key_end)
        while run.heap_size:
            step_top(run, key_end)
