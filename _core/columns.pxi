# Groups of objects as MessagePack, one array for each field (twin: columns.py, whose docstrings are
# the longer ones, and which tells what a `Column` is).

cdef struct Kind:
    int kind
    int64_t low
    int64_t high
    Py_ssize_t size
    bint in_tuples


cdef enum:
    KIND_INTEGER
    KIND_BOOLEAN
    KIND_TABLE
    KIND_STRING
    KIND_NUMBER
    KIND_REFERENCE


cdef Kind kind_of(tuple column) except *:
    cdef Kind kind
    kind.kind, kind.low, kind.high = column[1], column[2], column[3]
    kind.size, kind.in_tuples = len(<tuple> column[4]), column[5]
    return kind


def pack_columns(bytearray payload, list groups, tuple kinds, dict numbers, where):
    """Add groups of columns to the payload."""
    cdef Output out
    cdef object parts
    memset(&out, 0, sizeof(Output))
    try:
        put_array(&out, len(groups))
        for parts, columns in groups:
            put_array(&out, len(kinds) + 1)
            put_integer(&out, parts)
            put_group(&out, parts, columns, kinds, numbers)
        hand_over(&out, payload)
        return
    except (Odd, UnicodeEncodeError):
        pass
    finally:
        PyMem_Free(out.data)
    # The texts that have a number by now are the first that the twin comes to.
    twin_of("columns").pack_columns(payload, groups, kinds, numbers, where)


cdef int put_group(
    Output *out, Py_ssize_t parts, object columns, tuple kinds, dict numbers
) except -1:
    cdef Kind kind
    cdef Py_ssize_t place
    cdef list values
    if len(columns) != len(kinds):
        raise Odd
    for place in range(len(kinds)):
        kind = kind_of(<tuple> kinds[place])
        values = flat(columns[place], parts) if kind.in_tuples else columns[place]
        put_array(out, len(values))
        make_room(out, len(values) * INTEGER_BYTES)
        if kind.kind == KIND_INTEGER:
            put_integers(out, values, kind.low, kind.high)
        elif kind.kind == KIND_NUMBER:
            put_numbers(out, values, kind.low, numbers)
        elif kind.kind == KIND_TABLE:
            put_places(out, values, (<tuple> kinds[place])[4])
        elif kind.kind == KIND_BOOLEAN:
            put_booleans(out, values)
        else:
            put_strings(out, values, &kind, numbers)
    return 0


cdef list flat(list tuples, Py_ssize_t size):
    """Return the values of tuples of that size in turn."""
    cdef list values = PyList_New(len(tuples) * size)
    cdef Py_ssize_t place = 0
    cdef object value
    for one in tuples:
        if type(one) is not tuple or len(<tuple> one) != size:
            raise Odd
        for value in <tuple> one:
            Py_INCREF(value)
            PyList_SET_ITEM(values, place, value)
            place += 1
    return values


cdef int put_integers(Output *out, list values, int64_t low, int64_t high) except -1:
    cdef char *target = out.data + out.size
    cdef object before = Odd
    cdef int64_t number = 0
    cdef int overflow = 0
    for value in values:
        # Most columns of numbers have the very same one again and again.
        if value is not before:
            if type(value) is not int:
                raise Odd
            number = PyLong_AsLongLongAndOverflow(value, &overflow)
            if overflow or not low <= number <= high:
                raise Odd
            before = value
        target = write_integer(target, number)
    out.size = target - out.data
    return 0


cdef int put_numbers(Output *out, list values, int64_t low, dict numbers) except -1:
    cdef char *target = out.data + out.size
    cdef object before = None
    cdef int64_t number = 0
    for value in values:
        # Neighbours often have the very same text, or none.
        if value is not before:
            if value is None:
                number = 0
            elif type(value) is str:
                number = number_of(numbers, value)
            else:
                raise Odd
            before = value
        if number < low:
            raise Odd
        target = write_integer(target, number)
    out.size = target - out.data
    return 0


cdef int put_places(Output *out, list values, tuple table) except -1:
    cdef char *target = out.data + out.size
    cdef Py_ssize_t place = 0, size = len(table)
    for value in values:
        if place == size or table[place] is not value:
            for place in range(size):
                if table[place] is value:
                    break
            else:
                raise Odd
        target = write_integer(target, place)
    out.size = target - out.data
    return 0


cdef int put_booleans(Output *out, list values) except -1:
    cdef char *target = out.data + out.size
    for value in values:
        if value is not True and value is not False:
            raise Odd
        target[0] = <char> (0xC3 if value is True else 0xC2)
        target += 1
    out.size = target - out.data
    return 0


cdef int put_strings(Output *out, list values, const Kind *kind, dict numbers) except -1:
    for value in values:
        if value is None and kind.kind == KIND_REFERENCE and not kind.low:
            put_byte(out, 0xC0)
        elif type(value) is not str:
            raise Odd
        elif kind.kind == KIND_STRING or is_short(value):
            put_string(out, value)
        elif PyUnicode_GET_LENGTH(value) >= TEXT_CHARS_MIN or not put_plain(out, value):
            put_integer(out, number_of(numbers, value))
    return 0


def unpack_columns(data, tuple kinds, list texts, where):
    """Return groups of columns, texts and values of tables in their places."""
    cdef Input source = input_of(data)
    cdef list groups = []
    cdef int64_t parts
    try:
        for _ in range(get_array(&source)):
            if get_array(&source) != len(kinds) + 1:
                raise Odd
            parts = get_parts(&source)
            groups.append((parts, [
                get_column(&source, parts, <tuple> kind, texts) for kind in kinds
            ]))
        if source.place != source.size:
            raise Odd
        return groups
    except (Odd, UnicodeDecodeError):
        return twin_of("columns").unpack_columns(data, kinds, texts, where)


cdef int64_t get_parts(Input *source) except -1:
    cdef int byte = get_byte(source)
    cdef int64_t parts
    if not is_integer(byte):
        raise Odd
    parts = get_integer(source, byte)
    if parts < 0:
        raise Odd
    return parts


cdef list get_column(Input *source, int64_t parts, tuple column, list texts):
    cdef Kind kind = kind_of(column)
    cdef tuple table = column[4]
    cdef Py_ssize_t count = get_array(source), place, start
    cdef int last = -1
    cdef list values
    cdef object value = None
    if kind.in_tuples and count:
        if not parts or count % parts:
            raise Odd
        count //= parts
    values = PyList_New(count)
    for place in range(count):
        if kind.in_tuples:
            value = get_several(source, &kind, parts, table, texts)
        elif source.place < source.size and source.data[source.place] == last:
            # The same byte says the same thing again.
            source.place += 1
        else:
            start = source.place
            value = get_cell(source, &kind, table, texts)
            last = source.data[start] if source.place == start + 1 else -1
        Py_INCREF(value)
        PyList_SET_ITEM(values, place, value)
    return values


cdef inline tuple get_several(
    Input *source, const Kind *kind, Py_ssize_t count, tuple table, list texts
):
    cdef tuple several = PyTuple_New(count)
    cdef Py_ssize_t place
    cdef object value
    for place in range(count):
        value = get_cell(source, kind, table, texts)
        Py_INCREF(value)
        PyTuple_SET_ITEM(several, place, value)
    # There are texts and numbers in it, and the garbage collector would find that out.
    PyObject_GC_UnTrack(<void *> several)
    return several


cdef inline object get_cell(Input *source, const Kind *kind, tuple table, list texts):
    if kind.kind == KIND_INTEGER:
        return get_whole(source, kind.low, kind.high)
    if kind.kind == KIND_NUMBER:
        return texts[get_place(source, max(kind.low, <int64_t> 0), len(texts))]
    if kind.kind == KIND_TABLE:
        return table[get_place(source, 0, kind.size)]
    if kind.kind == KIND_BOOLEAN:
        return get_boolean(source)
    return get_reference(source, kind, texts)


cdef inline object get_whole(Input *source, int64_t low, int64_t high):
    cdef int byte = get_byte(source)
    cdef int64_t number
    if not is_integer(byte):
        raise Odd
    number = get_integer(source, byte)
    if not low <= number <= high:
        raise Odd
    return number


cdef inline Py_ssize_t get_place(Input *source, int64_t low, int64_t size) except -1:
    cdef int byte = get_byte(source)
    cdef int64_t number
    if not is_integer(byte):
        raise Odd
    number = get_integer(source, byte)
    if not low <= number < size:
        raise Odd
    return <Py_ssize_t> number


cdef object get_boolean(Input *source):
    cdef int byte = get_byte(source)
    if byte != 0xC2 and byte != 0xC3:
        raise Odd
    return byte == 0xC3


cdef object get_reference(Input *source, const Kind *kind, list texts):
    cdef int byte = get_byte(source)
    if is_string(byte):
        return get_string(source, byte)
    if kind.kind == KIND_STRING:
        raise Odd
    if byte == 0xC0 and not kind.low:
        return None
    source.place -= 1
    return texts[get_place(source, 1, len(texts))]
