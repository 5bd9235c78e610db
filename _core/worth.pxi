# What the planned pages are worth together (twin: arithmetic.total_of and selector._value).
#
# Scores age alike, so a sum of them is kept instead of being made anew: for each whole half life of
# heat, the sum of mantissa times quality. Only the latest 128 groups are kept. No page is hotter
# than 24 half lives above the clock, and what is 98 and more below it is rounded away.

cdef enum:
    GROUPS = 128
    HEAT_BITS = 20
    SHIFT_NOW = SCORE_EXPONENT - 62 + HEAT_BITS

cdef extern from *:
    """
    #if defined(_MSC_VER)
    #include <intrin.h>
    static inline unsigned clawvm_lowest(unsigned long long word) {
        unsigned long place;
        _BitScanForward64(&place, word);
        return place;
    }
    #else
    #define clawvm_lowest(word) ((unsigned) __builtin_ctzll(word))
    #endif
    """
    uint32_t lowest_bit "clawvm_lowest"(uint64_t word) noexcept nogil

cdef struct Worth:
    Wide[GROUPS] sums
    int64_t[GROUPS] groups    # the group whose sum this is, -1 at first
    uint64_t[2] filled        # one bit for each sum that is not zero


cdef void clear_worth(Worth *worth) noexcept nogil:
    memset(worth, 0, sizeof(Worth))
    memset(worth.groups, 0xFF, sizeof(worth.groups))


cdef inline void add_worth(Worth *worth, int64_t heat, uint32_t quality) noexcept nogil:
    cdef int64_t group = heat >> HEAT_BITS
    cdef uint32_t place = <uint32_t> group & (GROUPS - 1)
    if quality == 0 or worth.groups[place] > group:
        return
    if worth.groups[place] < group:
        worth.groups[place] = group
        worth.sums[place].high = worth.sums[place].low = 0
    add_product(&worth.sums[place], mantissa(heat), quality)
    worth.filled[place >> 6] |= <uint64_t> 1 << (place & 63)


cdef inline void take_worth(Worth *worth, int64_t heat, uint32_t quality) noexcept nogil:
    cdef int64_t group = heat >> HEAT_BITS
    cdef uint32_t place = <uint32_t> group & (GROUPS - 1)
    cdef Wide less
    if quality == 0 or worth.groups[place] != group:
        return
    less.high = less.low = 0
    add_product(&less, mantissa(heat), quality)
    worth.sums[place].high -= less.high + (worth.sums[place].low < less.low)
    worth.sums[place].low -= less.low
    if worth.sums[place].high == 0 and worth.sums[place].low == 0:
        worth.filled[place >> 6] &= ~(<uint64_t> 1 << (place & 63))


cdef inline void add_wide(Wide *total, const Wide *more) noexcept nogil:
    total.low += more.low
    total.high += more.high + (total.low < more.low)


cdef inline void add_small(Wide *total, uint64_t more) noexcept nogil:
    total.low += more
    total.high += total.low < more


cdef inline Wide shifted_left(Wide given, uint32_t bits) noexcept nogil:
    if bits:
        given.high = given.high << bits | given.low >> (64 - bits)
        given.low <<= bits
    return given


cdef inline Wide shifted_right(Wide given, uint32_t bits) noexcept nogil:
    if bits >= 64:
        given.low = given.high >> (bits - 64) if bits < 128 else 0
        given.high = 0
    elif bits:
        given.low = given.low >> bits | given.high << (64 - bits)
        given.high >>= bits
    return given


cdef Wide times(const Wide *given, uint32_t factor, uint32_t *lowest) noexcept nogil:
    """Multiply; the lowest 32 bits of the product go to `lowest`, the others are returned."""
    cdef Wide product
    cdef uint64_t part = (given.low & LOW_HALF) * factor
    lowest[0] = <uint32_t> part
    part = (given.low >> 32) * factor + (part >> 32)
    product.low = part & LOW_HALF
    part = (given.high & LOW_HALF) * factor + (part >> 32)
    product.low |= part << 32
    product.high = (given.high >> 32) * factor + (part >> 32)
    return product


cdef Wide divided_up(const Wide *high, uint32_t lowest, uint32_t divisor) noexcept nogil:
    """Divide what `times` returned, rounding up; the quotient must fit 128 bits."""
    cdef uint64_t rest = 0
    cdef Wide quotient
    rest = high.high
    quotient.high = rest // divisor << 32
    rest = (rest % divisor) << 32 | high.low >> 32
    quotient.high |= rest // divisor
    rest = (rest % divisor) << 32 | (high.low & LOW_HALF)
    quotient.low = rest // divisor << 32
    rest = (rest % divisor) << 32 | lowest
    quotient.low |= rest // divisor
    if rest % divisor:
        add_small(&quotient, 1)
    return quotient


cdef Wide total_worth(const Worth *worth, int64_t now) noexcept nogil:
    cdef Wide total, part
    cdef uint64_t bits
    cdef int64_t shift
    cdef uint32_t place, half, factor, lowest = 0
    total.high = total.low = 0
    for half in range(2):
        bits = worth.filled[half]
        while bits:
            place = half << 6 | lowest_bit(bits)
            bits &= bits - 1
            shift = worth.groups[place] - (now >> HEAT_BITS) + SHIFT_NOW
            if shift >= 0:
                part = shifted_left(worth.sums[place], <uint32_t> shift)
            else:
                part = shifted_right(worth.sums[place], <uint32_t> min(-shift, <int64_t> 128))
            add_wide(&total, &part)
    if now & FRACTION:
        factor = <uint32_t> (mantissa(FRACTION + 1 - (now & FRACTION)) >> 31)
        total = times(&total, factor, &lowest)
    return shifted_right(total, HEAT_BITS)
