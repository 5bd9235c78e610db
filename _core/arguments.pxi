# Arguments as C values (twin: validate.py). The usual types and ranges are read here; whatever
# else comes goes to the twin's check of the same name, which returns the plain value or raises.
# All of a call's arguments are read before it looks at the table, because reading may run code of
# the caller's (``__index__``, iteration), and that code may use the table.

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object text)

cdef struct PageFields:
    const char *id_bytes
    uint32_t id_length
    uint32_t id_hash
    uint32_t tokens[4]
    uint16_t quality[4]
    uint32_t weight
    uint32_t turn
    uint64_t digest[2]
    uint8_t page_type
    uint8_t pin
    uint8_t floor


cdef bint read_whole(object value, int64_t low, int64_t high, int64_t *out):
    """Read a Python int (no bool) from `low` to `high`; tell whether it was one."""
    cdef int overflow = 0
    if not PyLong_Check(value) or PyBool_Check(value):
        return False
    out[0] = PyLong_AsLongLongAndOverflow(value, &overflow)
    return overflow == 0 and low <= out[0] <= high


cdef uint32_t as_turn(object value) except? 0xFFFFFFFF:
    cdef int64_t number = 0
    if read_whole(value, 0, TURN_MAX, &number):
        return <uint32_t> number
    return validate.turn(value)


cdef uint32_t as_weight(object value) except? 0:
    cdef int64_t number = 0
    if read_whole(value, 1, WEIGHT_MAX, &number):
        return <uint32_t> number
    return validate.weight(value)


cdef uint32_t as_version(object value) except? 0:
    cdef int64_t number = 0
    if read_whole(value, 1, VERSION_MAX, &number):
        return <uint32_t> number
    return validate.version(value)


cdef uint32_t as_level(object value) except? 255:
    cdef int64_t number = 0
    if read_whole(value, 0, LEVEL_FULL, &number):
        return <uint32_t> number
    return validate.level(value)


cdef uint8_t as_floor(object value) except? 255:
    cdef int64_t number = 0
    if read_whole(value, 0, LEVEL_FULL, &number):
        return <uint8_t> number
    return validate.floor(value)


cdef uint8_t as_pin(object value) except? 255:
    cdef int64_t number = 0
    if read_whole(value, 0, PIN_HARD, &number):
        return <uint8_t> number
    return validate.pin(value)


cdef int64_t as_budget(object value) except? 0:
    cdef int64_t number = 0
    if read_whole(value, 1, BUDGET_MAX, &number):
        return number
    return validate.budget(value)


cdef uint32_t as_states(object value) except? 0:
    cdef int64_t number = 0
    if read_whole(value, 1, STATES_MAX, &number):
        return <uint32_t> number
    return validate.states(value)


cdef int64_t as_slot(object value) except? -2:
    """Return a slot, -1 if `value` cannot be one; whether a page is there is the table's to say."""
    cdef int64_t number = 0
    if read_whole(value, 0, PAGES_MAX, &number):
        return number
    return validate.slot(value, PAGES_MAX)


cdef str as_id(object page_id):
    """Return the id as an exact str: the text alone, whatever a subclass makes of it."""
    return page_id if type(page_id) is str else validate.identifier(page_id)[0]


cdef int read_id(str text, PageFields *fields) except -1:
    """Read an id's bytes, which belong to `text`, and its hash."""
    cdef Py_ssize_t length = 0
    try:
        fields.id_bytes = PyUnicode_AsUTF8AndSize(text, &length)
    except UnicodeEncodeError:
        length = 0
    if not 0 < length <= ID_BYTES_MAX:
        validate.identifier(text)
    fields.id_length = <uint32_t> length
    fields.id_hash = <uint32_t> <uint64_t> <int64_t> hash(text)
    return 0


cdef bint read_ladder(object tokens, object quality, PageFields *fields):
    """Read a list or tuple of four token counts and one of four qualities, if they are in order."""
    cdef int64_t count = 0, worth = 0, before = 0
    cdef uint32_t place
    cdef object item
    if not isinstance(tokens, (list, tuple)) or not isinstance(quality, (list, tuple)):
        return False
    if len(tokens) != 4 or len(quality) != 4:
        return False
    for place in range(4):
        item = tokens[place]
        fields.tokens[place], fields.quality[place] = MISSING, 0
        if item is None:
            continue
        if not read_whole(item, before + 1, TOKENS_MAX, &count):
            return False
        if not read_whole(quality[place], 1, QUALITY_MAX, &worth):
            return False
        fields.tokens[place], fields.quality[place] = <uint32_t> count, <uint16_t> worth
        before = count
    return fields.tokens[3] != MISSING and fields.quality[3] == QUALITY_MAX


cdef bint read_rest(
    object weight, object page_type, object pin, object floor, object digest, object turn,
    PageFields *fields,
):
    cdef int64_t w = 0, t = 0, p = 0, f = 0, u = 0
    if not (
        type(digest) is bytes
        and PyBytes_GET_SIZE(digest) == 16
        and read_whole(weight, 1, WEIGHT_MAX, &w)
        and read_whole(page_type, 0, 255, &t)
        and read_whole(pin, 0, PIN_HARD, &p)
        and read_whole(floor, 0, LEVEL_FULL, &f)
        and read_whole(turn, 0, TURN_MAX, &u)
    ):
        return False
    fields.weight, fields.turn = <uint32_t> w, <uint32_t> u
    fields.page_type, fields.pin, fields.floor = <uint8_t> t, <uint8_t> p, <uint8_t> f
    fields.digest[0] = load_word(<const uint8_t *> PyBytes_AS_STRING(digest))
    fields.digest[1] = load_word(<const uint8_t *> PyBytes_AS_STRING(digest) + 8)
    return True


cdef str as_page(
    object page_id, object tokens, object quality, object weight, object page_type, object pin,
    object floor, object digest, object turn, PageFields *fields,
):
    """Read the arguments of `put`, apart from the id, which is returned as an exact str."""
    cdef object page
    if (
        type(page_id) is str
        and read_ladder(tokens, quality, fields)
        and read_rest(weight, page_type, pin, floor, digest, turn, fields)
    ):
        return page_id
    page = validate.page(page_id, tokens, quality, weight, page_type, pin, floor, digest, turn)
    fields.tokens, fields.quality = page.tokens, page.quality
    fields.weight, fields.turn = page.weight, page.turn
    fields.page_type, fields.pin, fields.floor = page.page_type, page.pin, page.floor
    fields.digest[0], fields.digest[1] = dirty.digest_words(page.digest)
    return page.page_id
