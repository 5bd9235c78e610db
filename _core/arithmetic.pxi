# Integer logarithm, power of two and score (twin: arithmetic.py), and the 128-bit sums of values
# that a Python int does by itself.

cdef enum:
    SCORE_EXPONENT = 40
    QUALITY_SCALE_BITS = 12

cdef extern from *:
    """
    #define CLAWVM_FRACTION 0xFFFFF
    #define CLAWVM_LOW_HALF 0xFFFFFFFFu
    """
    const int64_t FRACTION "CLAWVM_FRACTION"
    const uint64_t LOW_HALF "CLAWVM_LOW_HALF"

cdef uint32_t[20] ROOTS = [
    3037000499, 2553802833, 2341847523, 2242560871, 2194507416, 2170868211, 2159144271,
    2153306066, 2150392886, 2148937775, 2148210588, 2147847087, 2147665360, 2147574502,
    2147529074, 2147506361, 2147495004, 2147489326, 2147486487, 2147485067,
]
cdef uint32_t[1024] POWERS_HIGH
cdef uint32_t[1024] POWERS_LOW
cdef int32_t[QUALITY_MAX + 1] LOG2_RISE   # log2q(rise << QUALITY_SCALE_BITS) by rise in quality


cdef int32_t log2q(uint32_t x) noexcept nogil:
    cdef int32_t result = 31
    cdef uint64_t mantissa = x
    cdef uint32_t carry, shift = 16
    c_assert(x > 0)
    while shift:
        if mantissa < (<uint64_t> 1 << (32 - shift)):
            mantissa <<= shift
            result -= shift
        shift >>= 1
    for _ in range(20):
        mantissa = mantissa * mantissa >> 31
        carry = <uint32_t> (mantissa >> 32)
        mantissa >>= carry
        result = result << 1 | carry
    return result


cdef inline int64_t turn_heat(uint32_t turn, uint32_t half_life) noexcept nogil:
    return <int64_t> ((<uint64_t> turn << 20) // half_life)


cdef inline uint64_t mantissa(int64_t heat) noexcept nogil:
    cdef uint32_t fraction = <uint32_t> (heat & FRACTION)
    return <uint64_t> POWERS_HIGH[fraction >> 10] * POWERS_LOW[fraction & 1023]


cdef inline uint64_t score(int64_t heat, int64_t now) noexcept nogil:
    cdef int64_t exponent = heat - now + (<int64_t> SCORE_EXPONENT << 20)
    cdef uint64_t whole
    if exponent < 0:
        return 0
    whole = <uint64_t> exponent >> 20
    if whole >= 64:
        return UINT64_MAX
    return mantissa(exponent) >> (62 - whole) if whole <= 62 else mantissa(exponent) << 1


cdef void fill_powers(uint32_t *powers, const uint32_t *roots) noexcept nogil:
    cdef uint64_t power
    cdef uint32_t bits, place
    for bits in range(1024):
        power = <uint64_t> 1 << 31
        for place in range(10):
            if bits >> (9 - place) & 1:
                power = power * roots[place] >> 31
        powers[bits] = <uint32_t> power


cdef void fill_tables() noexcept nogil:
    cdef uint32_t rise
    fill_powers(POWERS_HIGH, &ROOTS[0])
    fill_powers(POWERS_LOW, &ROOTS[10])
    for rise in range(1, QUALITY_MAX + 1):
        LOG2_RISE[rise] = log2q(rise << QUALITY_SCALE_BITS)


fill_tables()


# A sum of values: at most 2**24 pages of 2**64 * 1000. C has no portable type for it.
cdef struct Wide:
    uint64_t high
    uint64_t low


cdef inline void add_product(Wide *total, uint64_t factor, uint32_t quality) noexcept nogil:
    cdef uint64_t low = (factor & LOW_HALF) * quality
    cdef uint64_t high = (factor >> 32) * quality + (low >> 32)
    low = (low & LOW_HALF) | (high << 32)
    total.low += low
    total.high += (high >> 32) + (total.low < low)


cdef inline bint more(const Wide *left, const Wide *right) noexcept nogil:
    return left.high > right.high or (left.high == right.high and left.low > right.low)


cdef object as_int(const Wide *total):
    return total.low if total.high == 0 else (<object> total.high) << 64 | total.low


cdef Wide as_wide(object total):
    cdef Wide wide
    wide.high, wide.low = total >> 64, total & UINT64_MAX
    return wide
