# What a caller asks of several pages in one call (twin: batches.py, which tells what and why).

cdef enum:
    SPARED = 4    # a flag of records that no public call leaves set

# Value per token of a page at its level: a fraction, compared without dividing.
cdef struct Earning:
    uint64_t score
    uint32_t quality
    uint32_t tokens


cdef bint earns_less(const Earning *left, const Earning *right) noexcept nogil:
    """Compare `score * quality / tokens`; the products have less than 107 bits."""
    cdef Wide less, than
    less.high = less.low = than.high = than.low = 0
    add_wide_product(&less, left.score, <uint64_t> left.quality * right.tokens)
    add_wide_product(&than, right.score, <uint64_t> right.quality * left.tokens)
    return more(&than, &less)


cdef void add_wide_product(Wide *total, uint64_t factor, uint64_t other) noexcept nogil:
    """Add a product with a factor of up to 42 bits."""
    cdef Wide upper
    upper.high = upper.low = 0
    add_product(total, factor, <uint32_t> (other & LOW_HALF))
    add_product(&upper, factor, <uint32_t> (other >> 32))
    total.high += upper.high << 32 | upper.low >> 32
    upper.low <<= 32
    total.low += upper.low
    total.high += total.low < upper.low


cdef uint32_t least_earner(const Table *table, int64_t now) noexcept nogil:
    """Return the slot of the resident page that earns least, NO_SLOT if none has to earn."""
    cdef const PageRecord *record
    cdef Earning earning, least
    cdef uint32_t slot, best = NO_SLOT
    for slot in range(table.end):
        record = &table.records[slot]
        if not record.level or record.pin == PIN_HARD or record.flags & SPARED:
            continue
        earning.score = score(record.heat, now)
        earning.quality = quality_at(record, record.level)
        earning.tokens = tokens_at(record, record.level)
        if best == NO_SLOT or earns_less(&earning, &least):
            best, least = slot, earning
    return best


cdef int need_pages(Table *table, tuple given, list numbers) except -1:
    """See that each slot holds a page, before anything is done to the first."""
    cdef Py_ssize_t place
    for place in range(len(numbers)):
        record_at(table, numbers[place], given[place])
    return 0


cdef void mark_spared(Table *table, list numbers, bint spare):
    cdef uint32_t slot
    for slot in numbers:
        if spare:
            table.records[slot].flags |= SPARED
        else:
            table.records[slot].flags &= ~SPARED


cdef object next_gain(Table *table, int64_t now, int64_t slot, object given):
    """Return what the next dearer level of a page would add to what it is worth."""
    cdef PageRecord *record = record_at(table, slot, given)
    cdef uint32_t above = record.level + 1
    if record.level == LEVEL_FULL:
        return 0
    while not present(record, above):
        above += 1
    return <object> score(record.heat, now) * <int32_t> (
        quality_at(record, above) - quality_at(record, record.level)
    )
