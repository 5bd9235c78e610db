# Content digests and versions (twin: dirty.py).

cdef uint64_t load_word(const uint8_t *canonical) noexcept nogil:
    """Read 8 canonical (big-endian) bytes."""
    cdef uint64_t word = 0
    cdef uint32_t place
    for place in range(8):
        word = word << 8 | canonical[place]
    return word


cdef bytes digest_bytes(const PageRecord *record):
    cdef uint8_t[16] canonical
    cdef uint32_t place
    for place in range(16):
        canonical[place] = <uint8_t> (record.digest[place >> 3] >> (56 - 8 * (place & 7)))
    return (<const char *> canonical)[:16]


cdef int take_digest(PageRecord *record, const uint64_t *digest) except -1:
    """Replace the digest and count the version up if it differs."""
    if record.digest[0] == digest[0] and record.digest[1] == digest[1]:
        return 0
    if record.version == VERSION_MAX:
        raise LimitExceeded(dirty.VERSIONS_SPENT)
    record.version += 1
    record.digest[0], record.digest[1] = digest[0], digest[1]
    return 0
