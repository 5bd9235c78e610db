# What the exact selection starts from: the floor, a price per token (twin: pricing.py), and what
# its search keeps.

cdef enum:
    DENSITIES = 1024          # buckets of like density, 2**-4 of a doubling each, open at the end
    DENSITY_BITS = 16
    NO_PAGE = 0xFF
    STATES_FIRST = 1024
    EXACT_MARGIN_SHIFT = 24

cdef extern from *:
    """
    #define CLAWVM_FAR (INT64_C(1) << 62)
    """
    const int64_t FAR "CLAWVM_FAR"

# A slot with what it is sorted by: lower key first, then smaller id, then lower level.
cdef struct Ranked:
    int64_t key
    uint32_t slot
    uint32_t level

cdef struct Reach:
    int64_t own               # the least that a swap of this page loses
    int64_t least             # of this page and those after it
    int64_t fill
    int64_t spare

# The first state is the root; `swap` is a slot and a level, NO_SLOT where the page stays.
cdef struct State:
    int64_t tokens
    int64_t gain
    uint32_t parent
    uint32_t swap

# The options of a page, cheapest first, the base at place 0.
cdef struct Menu:
    int64_t[5] cost
    int64_t[5] gain
    uint32_t[5] level
    int64_t least             # that another option than the chosen loses
    uint32_t size
    uint32_t chosen

# Kept from one call to the next.
cdef struct ExactScratch:
    uint64_t *worths
    uint8_t *levels           # by slot: what the price chose; NO_PAGE where there is none
    Ranked *ranked
    Reach *reaches
    uint32_t *moves           # packed as in `Selection.packed`
    uint32_t capacity
    State *states
    uint32_t states_capacity

cdef struct Search:
    const Table *table
    ExactScratch scratch
    uint32_t pages
    int64_t floor_worth
    int64_t scale
    int64_t heat_max
    int64_t room
    int64_t price
    int64_t cost_max          # what costs more is no option
    int64_t rest
    int64_t chosen_tokens
    int64_t chosen_gain
    int64_t limit
    int64_t least             # what every plan loses
    State best
    State alone               # the page that is worth most above its base
    uint32_t cores
    uint32_t count            # states
    uint32_t states_max
    uint32_t moves
    uint64_t[DENSITIES] weights


cdef int reserve_exact(ExactScratch *scratch, uint32_t capacity) except -1:
    """Let the scratch serve a table of this capacity."""
    if capacity <= scratch.capacity:
        return 0
    free_exact(scratch)
    scratch.worths = <uint64_t *> PyMem_Malloc(<size_t> capacity * sizeof(uint64_t))
    scratch.levels = <uint8_t *> PyMem_Malloc(capacity)
    scratch.ranked = <Ranked *> PyMem_Malloc(<size_t> capacity * LEVEL_FULL * sizeof(Ranked))
    scratch.reaches = <Reach *> PyMem_Malloc((<size_t> capacity + 1) * sizeof(Reach))
    scratch.moves = <uint32_t *> PyMem_Malloc(<size_t> capacity * sizeof(uint32_t))
    if not (
        scratch.worths and scratch.levels and scratch.ranked and scratch.reaches
        and scratch.moves
    ):
        free_exact(scratch)
        raise MemoryError()
    scratch.capacity = capacity
    return 0


cdef int reserve_states(ExactScratch *scratch, uint64_t count, uint32_t states_max) except -1:
    """Make room for so many states, at most `states_max`."""
    cdef State *states
    cdef uint64_t capacity = max(count, max(<uint64_t> scratch.states_capacity * 2, STATES_FIRST))
    if min(count, <uint64_t> states_max) <= scratch.states_capacity:
        return 0
    capacity = min(capacity, <uint64_t> states_max)
    states = <State *> PyMem_Realloc(scratch.states, <size_t> capacity * sizeof(State))
    if states == NULL:
        raise MemoryError()
    scratch.states, scratch.states_capacity = states, <uint32_t> capacity
    return 0


cdef void free_exact(ExactScratch *scratch) noexcept:
    PyMem_Free(scratch.worths)
    PyMem_Free(scratch.levels)
    PyMem_Free(scratch.ranked)
    PyMem_Free(scratch.reaches)
    PyMem_Free(scratch.moves)
    PyMem_Free(scratch.states)
    memset(scratch, 0, sizeof(ExactScratch))


# -- Sorting --------------------------------------------------------------------------------------

cdef inline bint ranks_before(
    const Table *table, const Ranked *left, const Ranked *right
) noexcept nogil:
    cdef int order
    if left.key != right.key:
        return left.key < right.key
    order = compare_ids(table, left.slot, right.slot)
    return order < 0 or (order == 0 and left.level < right.level)


cdef void sink(
    const Table *table, Ranked *heap, uint32_t size, uint32_t hole, Ranked entry
) noexcept nogil:
    """Put `entry` where it belongs at or below `hole`, the last in order on top."""
    cdef uint32_t child = 2 * hole + 1
    while child < size:
        if child + 1 < size and ranks_before(table, &heap[child], &heap[child + 1]):
            child += 1
        if not ranks_before(table, &entry, &heap[child]):
            break
        heap[hole] = heap[child]
        hole = child
        child = 2 * hole + 1
    heap[hole] = entry


cdef void sort_ranked(const Table *table, Ranked *ranked, uint32_t size) noexcept nogil:
    cdef uint32_t hole = size // 2
    cdef Ranked last
    while hole:
        hole -= 1
        sink(table, ranked, size, hole, ranked[hole])
    while size > 1:
        size -= 1
        last = ranked[size]
        ranked[size] = ranked[0]
        sink(table, ranked, size, 0, last)


# -- The floor and the price ----------------------------------------------------------------------

cdef uint64_t lay_exact_floor(Search *search) noexcept nogil:
    """Find every page's worth and base; return the tokens of the floor."""
    cdef const PageRecord *record
    cdef uint32_t slot, base, bits = 0
    cdef uint64_t floor_tokens = 0
    for slot in range(search.table.end):
        record = &search.table.records[slot]
        if record.flags & LIVE:
            search.heat_max = max(search.heat_max, record.heat)
            search.pages += 1
    while search.pages >> bits:
        bits += 1
    bits = min(50 - bits, <uint32_t> SCORE_EXPONENT)
    search.scale = ((search.heat_max >> 20) + SCORE_EXPONENT - bits) << 20
    for slot in range(search.table.end):
        record = &search.table.records[slot]
        search.scratch.levels[slot] = NO_PAGE
        if not record.flags & LIVE:
            continue
        base = base_level(record)
        search.scratch.levels[slot] = <uint8_t> base
        search.scratch.worths[slot] = score(record.heat, search.scale)
        floor_tokens += tokens_at(record, base)
        search.floor_worth += search.scratch.worths[slot] * quality_at(record, base)
    return floor_tokens


cdef inline const int32_t *frontier_of(
    const Search *search, uint32_t slot, int32_t *own
) noexcept nogil:
    """Return the page's frontier, NULL if it is worth nothing."""
    cdef const PageRecord *record = &search.table.records[slot]
    if search.scratch.levels[slot] == NO_PAGE or not search.scratch.worths[slot]:
        return NULL
    return steps_of(record, search.scratch.levels[slot], <uint64_t> search.room, own)


cdef inline uint32_t density_bucket(const Search *search, int64_t key) noexcept nogil:
    cdef int64_t bucket = (search.heat_max + DENSITY_MAX - key) >> DENSITY_BITS
    return <uint32_t> min(bucket, <int64_t> (DENSITIES - 1))


cdef uint32_t split_bucket(Search *search) noexcept nogil:
    """Return the bucket in which the room runs out, DENSITIES if it does not; `rest` is left."""
    cdef const PageRecord *record
    cdef const int32_t *frontier
    cdef int32_t[4] own
    cdef uint32_t slot, place, before, bucket
    memset(search.weights, 0, sizeof(search.weights))
    for slot in range(search.table.end):
        frontier = frontier_of(search, slot, own)
        if frontier == NULL:
            continue
        record = &search.table.records[slot]
        before = tokens_at(record, search.scratch.levels[slot])
        for place in range(search.scratch.levels[slot], <uint32_t> LEVEL_FULL):
            if frontier[place] != NO_STEP:
                bucket = density_bucket(search, record.heat + frontier[place])
                search.weights[bucket] += record.tokens[place] - before
                before = record.tokens[place]
    search.rest = search.room
    for bucket in range(<uint32_t> DENSITIES):
        if search.weights[bucket] > <uint64_t> search.rest:
            return bucket
        search.rest -= search.weights[bucket]
    return DENSITIES


cdef uint32_t rank_bucket(Search *search, uint32_t wanted) noexcept nogil:
    """Rank the steps of one bucket, the densest first; return their number."""
    cdef const PageRecord *record
    cdef const int32_t *frontier
    cdef int32_t[4] own
    cdef uint32_t slot, place, size = 0
    for slot in range(search.table.end):
        frontier = frontier_of(search, slot, own)
        if frontier == NULL:
            continue
        record = &search.table.records[slot]
        for place in range(search.scratch.levels[slot], <uint32_t> LEVEL_FULL):
            if (
                frontier[place] != NO_STEP
                and density_bucket(search, record.heat + frontier[place]) == wanted
            ):
                search.scratch.ranked[size].key = -(record.heat + frontier[place])
                search.scratch.ranked[size].slot = slot
                search.scratch.ranked[size].level = place + 1
                size += 1
    sort_ranked(search.table, search.scratch.ranked, size)
    return size


cdef void set_price(Search *search, int64_t price) noexcept nogil:
    search.price = price
    search.cost_max = min(search.room, FAR // price) if price else search.room


cdef void find_price(Search *search) noexcept nogil:
    """Set the price to the density of the first step that does not fit, and guess the rest."""
    cdef const PageRecord *record
    cdef const int32_t *frontier
    cdef int32_t[4] own
    cdef uint32_t place, level, below, size, bucket = split_bucket(search)
    cdef int64_t cost, gain
    set_price(search, 0)
    if bucket == DENSITIES:
        return
    size = rank_bucket(search, bucket)
    for place in range(size):
        record = &search.table.records[search.scratch.ranked[place].slot]
        level = search.scratch.ranked[place].level
        frontier = frontier_of(search, search.scratch.ranked[place].slot, own)
        below = level - 1
        while below and frontier[below - 1] == NO_STEP:
            below -= 1
        below = max(below, <uint32_t> search.scratch.levels[search.scratch.ranked[place].slot])
        cost = tokens_at(record, level) - tokens_at(record, below)
        if cost > search.rest:
            gain = search.scratch.worths[search.scratch.ranked[place].slot] * (
                quality_at(record, level) - quality_at(record, below)
            )
            set_price(search, (gain + cost - 1) // cost)
            return
        search.rest -= cost
