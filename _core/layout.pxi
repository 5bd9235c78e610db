# Limits and the packed record (twin: layout.py, record.py).

cdef enum:
    LIVE = 1
    CHANGED = 2
    PIN_HARD = 2
    LEVEL_FULL = 4
    QUALITY_MAX = 1000
    LOG2_WEIGHT_MAX = 24 << 20
    GROWTH_MIN = 16
    ARENA_GROWTH_MIN = 256

cdef extern from *:
    """
    #define CLAWVM_MISSING 0xFFFFFFFFu
    #define CLAWVM_TOKENS_MAX 0xFFFFFFFEu
    #define CLAWVM_TURN_MAX 0xFFFFFFFFu
    #define CLAWVM_VERSION_MAX 0xFFFFFFFFu
    #define CLAWVM_PAGES_MAX (1u << 24)
    #define CLAWVM_ARENA_MAX 0xFFFFFFFFu
    #define CLAWVM_ID_BYTES_MAX 512
    #define CLAWVM_WEIGHT_MAX (1 << 24)
    #define CLAWVM_BUDGET_MAX INT64_MAX
    #define CLAWVM_STATES_MAX INT32_MAX
    #define CLAWVM_POSITION_MAX ((1 << 25) - 1)
    #define CLAWVM_SHOWN_TOKENS_MAX (INT64_C(1) << 38)
    #define CLAWVM_NO_STEP INT32_MIN
    #define CLAWVM_NO_SLOT 0xFFFFFFFFu
    #define CLAWVM_SLOT_MASK 0xFFFFFFu
    #define CLAWVM_EMPTY 0xFFFFFFFFu
    """
    # Macros and not variables, so that the C compiler knows the values; not an enum, whose
    # members are ints to some compilers.
    const uint32_t MISSING "CLAWVM_MISSING"
    const uint32_t TOKENS_MAX "CLAWVM_TOKENS_MAX"
    const uint32_t TURN_MAX "CLAWVM_TURN_MAX"
    const uint32_t VERSION_MAX "CLAWVM_VERSION_MAX"
    const uint32_t PAGES_MAX "CLAWVM_PAGES_MAX"
    const uint32_t ARENA_MAX "CLAWVM_ARENA_MAX"
    const uint32_t ID_BYTES_MAX "CLAWVM_ID_BYTES_MAX"
    const uint32_t WEIGHT_MAX "CLAWVM_WEIGHT_MAX"
    const int64_t BUDGET_MAX "CLAWVM_BUDGET_MAX"
    const uint32_t STATES_MAX "CLAWVM_STATES_MAX"
    const int64_t POSITION_MAX "CLAWVM_POSITION_MAX"
    const int64_t SHOWN_TOKENS_MAX "CLAWVM_SHOWN_TOKENS_MAX"
    const int32_t NO_STEP "CLAWVM_NO_STEP"
    const uint32_t NO_SLOT "CLAWVM_NO_SLOT"
    const uint32_t SLOT_MASK "CLAWVM_SLOT_MASK"
    const uint32_t EMPTY "CLAWVM_EMPTY"

MAX_PAGES = layout.MAX_PAGES
MAX_ID_BYTES = layout.MAX_ID_BYTES
MAX_TOKENS = layout.MAX_TOKENS
MISSING_LEVEL = layout.MISSING_LEVEL
MAX_WEIGHT = layout.MAX_WEIGHT
MAX_TURN = layout.MAX_TURN
HALF_LIFE = layout.HALF_LIFE

# Widest field first, so that neither the C compiler nor numpy leaves a hole. What the selector
# reads of every page stands in the first 64 bytes.
cdef struct PageRecord:
    uint64_t digest[2]
    int64_t heat
    uint32_t tokens[4]
    int32_t density[4]
    uint16_t quality[4]
    uint32_t last_turn
    uint32_t version
    uint32_t id_offset
    uint32_t id_hash
    uint16_t id_length
    uint8_t page_type
    uint8_t pin
    uint8_t floor
    uint8_t level
    uint8_t demand
    uint8_t flags


cdef object known_dtype = None


def record_dtype():
    """Return the numpy dtype of a page record (native byte order, packed, no padding)."""
    global known_dtype
    # Not with the module, to keep the import cheap; once, as it takes numpy longer than all that a
    # new table takes beside it.
    if known_dtype is None:
        known_dtype = checked_dtype()
    return known_dtype


cdef object checked_dtype():
    import numpy

    cdef PageRecord blank
    cdef object dtype
    memset(&blank, 0, sizeof(PageRecord))
    dtype = numpy.asarray(<PageRecord[:1]> &blank).dtype
    if dtype != layout.record_dtype() or dtype.itemsize != layout.RECORD_BYTES:
        raise ImportError(f"the record's dtype is {dtype}, expected {layout.record_dtype()}")
    return dtype


cdef dict offsets_of_record():
    """Return each field's byte offset, as the C compiler laid it out."""
    cdef PageRecord blank
    cdef char *start = <char *> &blank
    return {
        "digest": <char *> &blank.digest - start,
        "heat": <char *> &blank.heat - start,
        "tokens": <char *> &blank.tokens - start,
        "density": <char *> &blank.density - start,
        "quality": <char *> &blank.quality - start,
        "last_turn": <char *> &blank.last_turn - start,
        "version": <char *> &blank.version - start,
        "id_offset": <char *> &blank.id_offset - start,
        "id_hash": <char *> &blank.id_hash - start,
        "id_length": <char *> &blank.id_length - start,
        "page_type": <char *> &blank.page_type - start,
        "pin": <char *> &blank.pin - start,
        "floor": <char *> &blank.floor - start,
        "level": <char *> &blank.level - start,
        "demand": <char *> &blank.demand - start,
        "flags": <char *> &blank.flags - start,
    }


if offsets_of_record() != layout.record_offsets() or sizeof(PageRecord) != layout.RECORD_BYTES:
    raise ImportError(
        f"the record has {sizeof(PageRecord)} bytes and the offsets {offsets_of_record()}, "
        f"expected {layout.RECORD_BYTES} and {layout.record_offsets()}; rebuild clawvm._core"
    )


cdef inline uint32_t tokens_at(const PageRecord *record, uint32_t level) noexcept nogil:
    return record.tokens[level - 1] if level else 0


cdef inline uint32_t quality_at(const PageRecord *record, uint32_t level) noexcept nogil:
    return record.quality[level - 1] if level else 0


cdef inline uint32_t required_level(const PageRecord *record) noexcept nogil:
    if record.pin == PIN_HARD and record.floor > record.demand:
        return record.floor
    return record.demand


cdef inline uint32_t grown(uint32_t capacity, uint32_t least) noexcept nogil:
    # The twin's `grown` says why a sixteenth.
    return capacity + max(least, capacity >> 4)
