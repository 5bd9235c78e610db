# The plan that is kept from selection to selection: per page a base and a level, and all that can
# be read off them without a walk over the pages.

cdef enum:
    STATE_LEVEL = 0x07
    STATE_BASE_SHIFT = 3
    STATE_BLANK = 7           # the level of a slot that no page is planned in
    STATE_MOVED = 0x40        # listed in `moved`
    STATE_GIANT = 0x80        # listed in `giants`
    WINDOW = 6                # twin: repair.py
    SEATS = 2 * WINDOW
    MARGIN_SHIFT = 16

# Slots in no order.
cdef struct SlotList:
    uint32_t *slots
    uint32_t count
    uint32_t capacity
    bint lost                 # there was no memory for one more: the list says nothing

cdef struct Heap:
    uint64_t *entries
    uint32_t *places          # by slot: where its entry is, NO_PLACE if it has none
    uint32_t size
    bint waiting

cdef struct Plan:
    bint made                 # by the first selection; until then nothing below counts
    bint fresh                # nothing has changed since the last selection, of this budget
    uint64_t budget
    uint8_t *states           # by slot: level, base and the two flags
    Heap taken
    Heap waiting
    Worth worth
    uint32_t capacity
    SlotList moved            # pages whose resident level may not be the planned one
    SlotList giants           # pages with a level `giant_tokens` or more above their base
    SlotList demanded
    uint64_t giant_tokens     # at most half of the room that the frontiers were made for
    uint64_t room
    uint64_t floor_tokens
    uint64_t used_tokens
    int64_t origin            # of the heaps' keys
    bint outgrown             # a key has passed what the heaps can tell apart
    int64_t split_key         # of the last selection: where a page's next level is guessed to be
    uint32_t seats            # pages whose resident level the repair has set apart from the plan
    uint32_t[SEATS] seat_slots
    uint8_t[SEATS] seat_levels
    uint64_t steps            # work: steps taken and given back
    uint64_t frontiers        # and frontiers looked at for a page that has changed
    uint64_t allocations

# All of a selection's figures; its moves are in the plan.
cdef struct Decision:
    bint feasible
    uint32_t steps
    uint64_t floor_tokens
    uint64_t used_tokens
    Wide value
    Wide bound
