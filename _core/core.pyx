"""The compiled core of ClawVM: page table and residency selector.

It knows slots, values and bytes; no pages, no policy names, no I/O. Its pure twin,
``clawvm._reference``, is its specification: same names, same sentences, same answers. The parts
below are one module because Cython finds no declarations across the folders ``_core/`` and
``clawvm/``; each is included once, and uses only what stands above it.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize
from cpython.bool cimport PyBool_Check
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_RawFree, PyMem_RawRealloc, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.stdint cimport INT64_MAX, INT64_MIN, UINT64_MAX
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memcmp, memcpy, memset

cdef object dirty, layout, sys, validate, ClawVMError, LimitExceeded

import sys

from clawvm._reference import dirty, layout, validate
from clawvm.errors import ClawVMError, LimitExceeded

cdef extern from "<assert.h>" nogil:
    # Compiled out of a release build (NDEBUG), kept by CLAWVM_DEBUG and CLAWVM_SANITIZE.
    void c_assert "assert"(bint holds)

include "layout.pxi"
include "arithmetic.pxi"
include "frontier.pxi"
include "dirty.pxi"
include "worth.pxi"
include "state.pxi"
include "table.pxi"
include "arguments.pxi"
include "heap.pxi"
include "plan.pxi"
include "giants.pxi"
include "making.pxi"
include "repair.pxi"
include "selector.pxi"
include "pricing.pxi"
include "exact.pxi"
include "persistence.pxi"
include "batches.pxi"
include "turns.pxi"
include "selecting.pxi"
include "page_table.pxi"
include "turn_many.pxi"
include "plan_check.pxi"
include "invariants.pxi"
include "msgpack.pxi"
include "trees.pxi"
include "texts.pxi"
include "columns.pxi"
include "owners.pxi"
include "objects.pxi"
include "places.pxi"
include "shown.pxi"
