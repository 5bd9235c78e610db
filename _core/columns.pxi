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
    cdef tuple table
    cdef list values
    if len(columns) != len(kinds):
        raise Odd
    for place in range(len(kinds)):
        kind = kind_of(<tuple> kinds[place])
        table = (<tuple> kinds[place])[4]
        values = columns[place]
        if not kind.in_tuples:
            put_array(out, len(values))
            for value in values:
                put_cell(out, value, &kind, table, numbers)
            continue
        put_array(out, len(values) * parts)
        for value in values:
            if type(value) is not tuple or len(<tuple> value) != parts:
                raise Odd
            for one in <tuple> value:
                put_cell(out, one, &kind, table, numbers)
    return 0


cdef int put_cell(
    Output *out, object value, const Kind *kind, tuple table, dict numbers
) except -1:
    cdef Py_ssize_t place
    cdef int64_t number
    cdef int overflow = 0
    if kind.kind == KIND_INTEGER:
        if type(value) is not int:
            raise Odd
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow or not kind.low <= number <= kind.high:
            raise Odd
        return put_integer(out, number)
    if kind.kind == KIND_BOOLEAN:
        if value is not True and value is not False:
            raise Odd
        return put_byte(out, 0xC3 if value is True else 0xC2)
    if kind.kind == KIND_TABLE:
        for place in range(kind.size):
            if table[place] is value:
                return put_integer(out, place)
        raise Odd
    if value is None:
        if kind.low != 0 or kind.kind == KIND_STRING:
            raise Odd
        return put_byte(out, 0 if kind.kind == KIND_NUMBER else 0xC0)
    if type(value) is not str:
        raise Odd
    if kind.kind == KIND_NUMBER:
        return put_integer(out, number_of(numbers, value))
    if kind.kind == KIND_STRING or is_short(value):
        return put_string(out, value)
    if PyUnicode_GET_LENGTH(value) < TEXT_CHARS_MIN:
        try:
            return put_string(out, value)
        except UnicodeEncodeError:
            pass
    return put_integer(out, number_of(numbers, value))


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
    cdef tuple table = column[4], several
    cdef Py_ssize_t count = get_array(source), place, part
    cdef list values
    if kind.in_tuples:
        if count and (not parts or count % parts):
            raise Odd
        count = count // parts if parts else 0
    values = PyList_New(count)
    for place in range(count):
        if kind.in_tuples:
            several = PyTuple_New(parts)
            for part in range(parts):
                value = get_cell(source, &kind, table, texts)
                Py_INCREF(value)
                PyTuple_SET_ITEM(several, part, value)
            value = several
        else:
            value = get_cell(source, &kind, table, texts)
        Py_INCREF(value)
        PyList_SET_ITEM(values, place, value)
    return values


cdef inline object get_cell(Input *source, const Kind *kind, tuple table, list texts):
    cdef int byte = get_byte(source)
    cdef int64_t number
    if is_integer(byte):
        number = get_integer(source, byte)
        if kind.kind == KIND_INTEGER:
            if kind.low <= number <= kind.high:
                return number
        elif kind.kind == KIND_NUMBER or kind.kind == KIND_REFERENCE:
            if max(kind.low, <int64_t> (kind.kind == KIND_REFERENCE)) <= number < len(texts):
                return texts[number]
        elif kind.kind == KIND_TABLE and 0 <= number < kind.size:
            return table[number]
    elif is_string(byte):
        if kind.kind == KIND_STRING or kind.kind == KIND_REFERENCE:
            return get_string(source, byte)
    elif kind.kind == KIND_BOOLEAN:
        if byte == 0xC2 or byte == 0xC3:
            return byte == 0xC3
    elif byte == 0xC0 and kind.kind == KIND_REFERENCE and not kind.low:
        return None
    raise Odd
