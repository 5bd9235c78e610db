# Two indexed 4-ary heaps of steps, one entry a page in each, kept from selection to selection:
# `taken` has the step that a page took last, the least worthy on top; `waiting` the step that it
# would take next, the worthiest on top.
#
# An entry is the step's key in 40 bits, relative to the plan's origin, above the slot in 24; it is
# stored so that the top is the smallest. 2**19 half lives around the origin the 40 bits hold the
# key exactly. Beyond they are its limit, and entries that are equal are compared by the keys
# themselves, then by page id: the order is total, and the same however the heaps came to be.

cdef enum:
    ARITY = 4
    SLOT_BITS = 24

cdef extern from *:
    """
    #define CLAWVM_KEY_MAX ((1ull << 40) - 1)
    #define CLAWVM_NO_PLACE 0xFFFFFFFFu
    """
    const uint64_t KEY_MAX "CLAWVM_KEY_MAX"
    const uint32_t NO_PLACE "CLAWVM_NO_PLACE"


cdef inline uint32_t slot_of(uint64_t entry) noexcept nogil:
    return <uint32_t> (entry & SLOT_MASK)


cdef inline uint32_t level_of(const Plan *plan, uint32_t slot) noexcept nogil:
    return plan.states[slot] & STATE_LEVEL


cdef inline uint32_t base_of(const Plan *plan, uint32_t slot) noexcept nogil:
    return (plan.states[slot] >> STATE_BASE_SHIFT) & STATE_LEVEL


cdef inline bint planned(const Plan *plan, uint32_t slot) noexcept nogil:
    return level_of(plan, slot) != STATE_BLANK


cdef inline const int32_t *steps_at(
    const Table *table, uint32_t slot, int32_t *own
) noexcept nogil:
    """Return the densities of a planned page's steps, perhaps made in `own`."""
    return steps_of(
        &table.records[slot], base_of(&table.plan, slot), table.plan.room, own
    )


cdef int64_t key_at(const Table *table, uint32_t slot, bint waiting) noexcept nogil:
    """Return the key of the step that a page would take next, or took last."""
    cdef int32_t[4] own
    cdef const int32_t *steps = steps_at(table, slot, own)
    cdef uint32_t level = level_of(&table.plan, slot)
    if waiting:
        level = next_level(steps, level)
    return table.records[slot].heat + steps[level - 1]


cdef bint tied_before(
    const Table *table, uint32_t left, uint32_t right, bint waiting
) noexcept nogil:
    """Order two steps of a heap whose entries have the same 40 bits."""
    cdef int64_t left_key = key_at(table, left, waiting)
    cdef int64_t right_key = key_at(table, right, waiting)
    if left_key != right_key:
        return (left_key > right_key) == waiting
    return (compare_ids(table, left, right) < 0) == waiting


cdef inline bint before(
    const Table *table, const Heap *heap, uint64_t left, uint64_t right
) noexcept nogil:
    if (left ^ right) >> SLOT_BITS:
        return left < right
    return tied_before(table, slot_of(left), slot_of(right), heap.waiting)


cdef inline void put_entry(Heap *heap, uint32_t place, uint64_t entry) noexcept nogil:
    heap.entries[place] = entry
    heap.places[slot_of(entry)] = place


cdef void sift_up(
    const Table *table, Heap *heap, uint32_t hole, uint64_t entry
) noexcept nogil:
    """Put `entry` where it belongs at or above `hole`."""
    cdef uint32_t parent
    while hole:
        parent = (hole - 1) // ARITY
        if not before(table, heap, entry, heap.entries[parent]):
            break
        put_entry(heap, hole, heap.entries[parent])
        hole = parent
    put_entry(heap, hole, entry)


cdef void sift_down(
    const Table *table, Heap *heap, uint32_t hole, uint64_t entry
) noexcept nogil:
    """Put `entry` where it belongs at or below `hole`."""
    cdef uint32_t child, best, end
    while True:
        best = ARITY * hole + 1
        if best >= heap.size:
            break
        end = min(best + ARITY, heap.size)
        for child in range(best + 1, end):
            if before(table, heap, heap.entries[child], heap.entries[best]):
                best = child
        if not before(table, heap, heap.entries[best], entry):
            break
        put_entry(heap, hole, heap.entries[best])
        hole = best
    put_entry(heap, hole, entry)


cdef void settle_entry(
    const Table *table, Heap *heap, uint32_t hole, uint64_t entry
) noexcept nogil:
    """Put `entry` at `hole`, or above or below it where it belongs."""
    if hole and before(table, heap, entry, heap.entries[(hole - 1) // ARITY]):
        sift_up(table, heap, hole, entry)
    else:
        sift_down(table, heap, hole, entry)


cdef void set_entry(const Table *table, Heap *heap, uint64_t entry) noexcept nogil:
    """Add a page to the heap, or give it another key."""
    cdef uint32_t place = heap.places[slot_of(entry)]
    if place == NO_PLACE:
        place = heap.size
        heap.size += 1
    settle_entry(table, heap, place, entry)


cdef void drop_entry(const Table *table, Heap *heap, uint32_t slot) noexcept nogil:
    """Take a page out of the heap, if it is in it."""
    cdef uint32_t place = heap.places[slot]
    if place == NO_PLACE:
        return
    heap.places[slot] = NO_PLACE
    heap.size -= 1
    if place != heap.size:
        settle_entry(table, heap, place, heap.entries[heap.size])


cdef void heapify(const Table *table, Heap *heap) noexcept nogil:
    """Bring entries in any order into that of a heap."""
    cdef uint32_t hole = (heap.size + ARITY - 2) // ARITY
    while hole:
        hole -= 1
        sift_down(table, heap, hole, heap.entries[hole])


cdef uint32_t tops_of(
    const Table *table, const Heap *heap, uint32_t *slots
) noexcept nogil:
    """Write the slots of the first `WINDOW` entries in their order; return how many there are."""
    cdef uint64_t[WINDOW] near      # the best entries that are not written yet, in their order
    cdef uint32_t[WINDOW] places
    cdef uint32_t size = 0, written = 0, child, end, place, at
    cdef uint64_t entry
    if heap.size:
        near[0], places[0], size = heap.entries[0], 0, 1
    while size and written < WINDOW:
        slots[written] = slot_of(near[0])
        written += 1
        place = places[0]
        size -= 1
        for at in range(size):
            near[at], places[at] = near[at + 1], places[at + 1]
        child = ARITY * place + 1
        end = min(child + ARITY, heap.size)
        while child < end:
            entry = heap.entries[child]
            at = size
            while at and before(table, heap, entry, near[at - 1]):
                at -= 1
            if at < WINDOW - written:
                size = min(size + 1, WINDOW - written)
                place = size - 1
                while place > at:
                    near[place], places[place] = near[place - 1], places[place - 1]
                    place -= 1
                near[at], places[at] = entry, child
            child += 1
    return written
