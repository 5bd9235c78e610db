# The concave frontier of a ladder (twin: frontier.py, which tells what and why).

cdef enum:
    DENSITY_MAX = 22 << 20  # no density is above log2(1000 << 12)


cdef inline bint present(const PageRecord *record, uint32_t level) noexcept nogil:
    return level == 0 or record.tokens[level - 1] != MISSING


cdef inline uint32_t base_level(const PageRecord *record) noexcept nogil:
    cdef uint32_t level = required_level(record)
    while not present(record, level):
        level += 1
    return level


cdef inline uint32_t next_level(const int32_t *steps, uint32_t level) noexcept nogil:
    while level < LEVEL_FULL:
        level += 1
        if steps[level - 1] != NO_STEP:
            return level
    return 0


cdef inline uint32_t level_before(
    const int32_t *steps, uint32_t level, uint32_t base
) noexcept nogil:
    """Return the level that the step to `level` starts from."""
    level -= 1
    while level > base and steps[level - 1] == NO_STEP:
        level -= 1
    return level


cdef inline bint bends(
    const PageRecord *record, uint32_t before, uint32_t last, uint32_t level
) noexcept nogil:
    cdef uint64_t rise = quality_at(record, last) - quality_at(record, before)
    cdef uint64_t run = tokens_at(record, last) - tokens_at(record, before)
    cdef uint64_t next_rise = quality_at(record, level) - quality_at(record, last)
    cdef uint64_t next_run = tokens_at(record, level) - tokens_at(record, last)
    return rise * next_run > next_rise * run


cdef uint32_t densities(
    const PageRecord *record, uint32_t base, uint64_t room, int32_t *steps
) noexcept nogil:
    """Write the density of each frontier step by the level it ends at; return their number."""
    cdef uint32_t[5] hull
    cdef uint32_t level, last, place, top = 0
    cdef int32_t density
    cdef int64_t ceiling = <int64_t> 1 << 31
    hull[0] = base
    for level in range(base + 1, LEVEL_FULL + 1):
        if (
            not present(record, level)
            or quality_at(record, level) <= quality_at(record, hull[top])
            or tokens_at(record, level) - tokens_at(record, base) > room
        ):
            continue
        while top and not bends(record, hull[top - 1], hull[top], level):
            top -= 1
        top += 1
        hull[top] = level
    for place in range(<uint32_t> LEVEL_FULL):
        steps[place] = NO_STEP
    for place in range(1, top + 1):
        level, last = hull[place], hull[place - 1]
        density = LOG2_RISE[quality_at(record, level) - quality_at(record, last)]
        density -= log2q(tokens_at(record, level) - tokens_at(record, last))
        ceiling = min(<int64_t> density, ceiling - 1)
        steps[level - 1] = <int32_t> ceiling
    return top


cdef bint upper_part(const PageRecord *record, uint32_t base, int32_t *steps) noexcept nogil:
    """Copy the record's densities above `base` to `steps`, if they hold from there.

    Above a vertex of the hull the hull is the same. So are its densities, unless one has been
    lowered to stay below the one before, which shows as a difference of 1.
    """
    cdef int32_t before = record.density[base - 1]
    cdef uint32_t place
    if before == NO_STEP:
        return False
    for place in range(<uint32_t> LEVEL_FULL):
        steps[place] = record.density[place] if place >= base else NO_STEP
        if steps[place] != NO_STEP:
            if before - steps[place] < 2:
                return False
            before = steps[place]
    return True


cdef inline const int32_t *steps_of(
    const PageRecord *record, uint32_t base, uint64_t room, int32_t *steps
) noexcept nogil:
    """Return the page's frontier from `base`: the record's if that holds, else made in `steps`."""
    if record.tokens[LEVEL_FULL - 1] - tokens_at(record, base) <= room:
        if base == 0:
            return record.density
        if upper_part(record, base, steps):
            return steps
    densities(record, base, room, steps)
    return steps


cdef uint32_t best_fitting(
    const PageRecord *record, uint32_t level, uint64_t room
) noexcept nogil:
    """Return the level above `level` with the most quality that fits (then fewest tokens), or 0."""
    cdef uint32_t above, best = 0, best_quality = quality_at(record, level)
    for above in range(level + 1, LEVEL_FULL + 1):
        if (
            present(record, above)
            and tokens_at(record, above) - tokens_at(record, level) <= room
            and quality_at(record, above) > best_quality
        ):
            best, best_quality = above, quality_at(record, above)
    return best
