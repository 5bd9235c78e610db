# MessagePack: what is written into one growing buffer and read from bytes that nobody vouches for.
#
# The parts that use it (trees, texts, columns) write and read what there mostly is. At whatever
# else they meet, unusual or out of order, they raise `Odd`, and the twin of the same name does the
# whole thing again: it has the sentences, and the rules that are rarely needed.

cdef extern from "Python.h":
    void *PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    bint PyObject_GC_IsTracked(object one)
    void PyObject_GC_UnTrack(void *one)
    str PyUnicode_New(Py_ssize_t size, Py_UCS4 most)

cdef extern from *:
    """
    #define CLAWVM_INTEGER_BYTES 9
    """
    const Py_ssize_t INTEGER_BYTES "CLAWVM_INTEGER_BYTES"

cdef object Odd = type("Odd", (Exception,), {})


cdef struct Output:
    char *data
    Py_ssize_t size
    Py_ssize_t capacity


cdef struct Input:
    const uint8_t *data
    Py_ssize_t place
    Py_ssize_t size


cdef int enlarge(Output *out, Py_ssize_t more) except -1:
    cdef Py_ssize_t capacity = max(2 * out.capacity, out.size + more, <Py_ssize_t> 1024)
    cdef char *data = <char *> PyMem_Realloc(out.data, capacity)
    if data is NULL:
        raise MemoryError
    out.data, out.capacity = data, capacity
    return 0


cdef inline int make_room(Output *out, Py_ssize_t more) except -1:
    if more > out.capacity - out.size:
        enlarge(out, more)
    return 0


cdef int hand_over(Output *out, bytearray payload) except -1:
    """Add what was written to the payload."""
    cdef Py_ssize_t size = PyByteArray_GET_SIZE(payload)
    PyByteArray_Resize(payload, size + out.size)
    if out.size:
        memcpy(PyByteArray_AS_STRING(payload) + size, out.data, out.size)
    return 0


cdef inline char *put_number(char *target, uint64_t number, int count) noexcept nogil:
    """Write the number in so many bytes, the highest first; return what is behind them."""
    cdef int place
    for place in range(count):
        target[place] = <char> (number >> (8 * (count - 1 - place)))
    return target + count


cdef inline char *put_size(
    char *target, uint64_t size, int small, uint64_t small_max, int code
) noexcept nogil:
    """Write the head of something of a size: within its first byte, or after `code` or the next.

    A string and a binary have a code for one byte before those for two and four; `code` is that of
    two.
    """
    if size <= small_max:
        target[0] = <char> (small | <int> size)
        return target + 1
    if size <= 0xFFFF:
        target[0] = <char> code
        return put_number(target + 1, size, 2)
    target[0] = <char> (code + 1)
    return put_number(target + 1, size, 4)


cdef inline char *put_string_size(char *target, uint64_t size) noexcept nogil:
    if 31 < size <= 0xFF:
        target[0] = <char> 0xD9
        return put_number(target + 1, size, 1)
    return put_size(target, size, 0xA0, 31, 0xDA)


cdef inline char *put_binary_size(char *target, uint64_t size) noexcept nogil:
    if size <= 0xFF:
        target[0] = <char> 0xC4
        return put_number(target + 1, size, 1)
    return put_size(target, size, 0, 0, 0xC5)


cdef int put_array(Output *out, Py_ssize_t size) except -1:
    make_room(out, 5)
    out.size = put_size(out.data + out.size, size, 0x90, 15, 0xDC) - out.data
    return 0


cdef int put_map(Output *out, Py_ssize_t size) except -1:
    make_room(out, 5)
    out.size = put_size(out.data + out.size, size, 0x80, 15, 0xDE) - out.data
    return 0


cdef inline int put_byte(Output *out, int byte) except -1:
    make_room(out, 1)
    out.data[out.size] = <char> byte
    out.size += 1
    return 0


cdef inline char *write_integer(char *target, int64_t number) noexcept nogil:
    """Write a whole number in as few bytes as it takes, at most `INTEGER_BYTES`."""
    if -32 <= number < 128:
        target[0] = <char> number
        return target + 1
    if number >= 0:
        if number <= 0xFF:
            target[0] = <char> 0xCC
            return put_number(target + 1, number, 1)
        if number <= 0xFFFF:
            target[0] = <char> 0xCD
            return put_number(target + 1, number, 2)
        if number >> 32 == 0:
            target[0] = <char> 0xCE
            return put_number(target + 1, number, 4)
        target[0] = <char> 0xCF
        return put_number(target + 1, number, 8)
    if number >= -0x80:
        target[0] = <char> 0xD0
        return put_number(target + 1, number, 1)
    if number >= -0x8000:
        target[0] = <char> 0xD1
        return put_number(target + 1, number, 2)
    if number >= -<int64_t> 0x80000000:
        target[0] = <char> 0xD2
        return put_number(target + 1, number, 4)
    target[0] = <char> 0xD3
    return put_number(target + 1, number, 8)


cdef inline int put_integer(Output *out, int64_t number) except -1:
    make_room(out, INTEGER_BYTES)
    out.size = write_integer(out.data + out.size, number) - out.data
    return 0


cdef int put_string(Output *out, object text) except -1:
    """Write a str; raises UnicodeEncodeError at a lone surrogate."""
    cdef Py_ssize_t size = 0
    cdef const char *data
    cdef char *target
    if PyUnicode_IS_COMPACT_ASCII(text):
        data, size = <const char *> PyUnicode_DATA(text), PyUnicode_GET_LENGTH(text)
    else:
        data = PyUnicode_AsUTF8AndSize(text, &size)
    make_room(out, size + 5)
    target = put_string_size(out.data + out.size, size)
    memcpy(target, data, size)
    out.size = target + size - out.data
    return 0


cdef int64_t number_of(dict numbers, object text) except -1:
    """Return a text's number; one without gets the next."""
    cdef PyObject *found = PyDict_GetItemWithError(numbers, text)
    cdef Py_ssize_t number
    if found is not NULL:
        return <int64_t> <object> found
    number = len(numbers) + 1
    numbers[text] = number
    return number


cdef Input input_of(const uint8_t[::1] view) noexcept:
    cdef Input source
    source.place, source.size = 0, view.shape[0]
    source.data = &view[0] if source.size else NULL
    return source


cdef inline uint64_t get_number(Input *source, int count) except? 0xFFFFFFFFFFFFFFFF:
    """Read a number of so many bytes, the highest first."""
    cdef uint64_t number = 0
    cdef int place
    if count > source.size - source.place:
        raise Odd
    for place in range(count):
        number = number << 8 | source.data[source.place + place]
    source.place += count
    return number


cdef inline int get_byte(Input *source) except -1:
    if source.place >= source.size:
        raise Odd
    source.place += 1
    return source.data[source.place - 1]


cdef Py_ssize_t get_size(Input *source, int byte, int small, int small_max, int code) except -1:
    """Read what `put_size` wrote; the first byte has been read. No more than there are bytes."""
    cdef uint64_t size
    if small <= byte <= small + small_max:
        size = byte - small
    elif byte == code:
        size = get_number(source, 2)
    elif byte == code + 1:
        size = get_number(source, 4)
    else:
        raise Odd
    if size > <uint64_t> (source.size - source.place):
        raise Odd
    return <Py_ssize_t> size


cdef Py_ssize_t get_string_size(Input *source, int byte) except -1:
    cdef uint64_t size
    if byte != 0xD9:
        return get_size(source, byte, 0xA0, 31, 0xDA)
    size = get_number(source, 1)
    if size > <uint64_t> (source.size - source.place):
        raise Odd
    return <Py_ssize_t> size


cdef inline Py_ssize_t get_array(Input *source) except -1:
    return get_size(source, get_byte(source), 0x90, 15, 0xDC)


cdef inline bint is_string(int byte) noexcept nogil:
    return 0xA0 <= byte <= 0xBF or 0xD9 <= byte <= 0xDB


cdef inline object get_string(Input *source, int byte):
    """Return a str; raises UnicodeDecodeError where its bytes are no UTF-8."""
    cdef Py_ssize_t size = get_string_size(source, byte)
    source.place += size
    return string_of(<const char *> source.data + source.place - size, size)


cdef inline bint is_ascii(const char *data, Py_ssize_t size) noexcept nogil:
    # All of it, without a way out: the C compiler makes that 16 bytes at a time.
    cdef Py_ssize_t place
    cdef char bits = 0
    for place in range(size):
        bits |= data[place]
    return not bits & 0x80


cdef inline object string_of(const char *data, Py_ssize_t size):
    cdef object text
    if size < 2 or not is_ascii(data, size):
        return PyUnicode_DecodeUTF8(data, size, NULL)
    text = PyUnicode_New(size, 127)
    memcpy(PyUnicode_DATA(text), data, size)
    return text


cdef inline bint is_integer(int byte) noexcept nogil:
    return byte < 0x80 or byte >= 0xE0 or 0xCC <= byte <= 0xD3


cdef inline int64_t get_integer(Input *source, int byte) except? -1:
    cdef uint64_t number
    if byte < 0x80:
        return byte
    if byte >= 0xE0:
        return byte - 0x100
    if byte <= 0xCF:
        number = get_number(source, 1 << (byte - 0xCC))
        if number >> 63:
            raise Odd
        return <int64_t> number
    if byte == 0xD0:
        return <int8_t> get_number(source, 1)
    if byte == 0xD1:
        return <int16_t> get_number(source, 2)
    if byte == 0xD2:
        return <int32_t> get_number(source, 4)
    return <int64_t> get_number(source, 8)
