# The exact selection (twin: exact.py, which tells what and why).

@cython.final
cdef class ExactSelection(Selection):
    """What ``PageTable.select_exact`` decided; the twin's docstring lists the attributes."""

    cdef readonly bint proven
    cdef readonly uint32_t states

    def __init__(self):
        raise TypeError("an ExactSelection is made by PageTable.select_exact()")

    def __repr__(self):
        return f"{Selection.__repr__(self)[:-1]}, proven={self.proven}, states={self.states})"


# -- Options at the price, and swaps --------------------------------------------------------------

cdef inline void read_menu(const Search *search, uint32_t slot, Menu *menu) noexcept nogil:
    """List the page's options and choose the best at the price, the cheapest of equal ones."""
    cdef const PageRecord *record = &search.table.records[slot]
    cdef uint32_t base = base_level(record)
    cdef uint32_t place, base_quality = quality_at(record, base), most = base_quality
    cdef int64_t cost, kept, best = 0, second = -FAR, base_tokens = tokens_at(record, base)
    cdef int64_t worth = <int64_t> search.scratch.worths[slot]
    menu.cost[0] = menu.gain[0] = 0
    menu.level[0], menu.size, menu.chosen = base, 1, 0
    for place in range(base, <uint32_t> LEVEL_FULL):
        # A missing level has no quality.
        if record.quality[place] <= most:
            continue
        cost = record.tokens[place] - base_tokens
        if cost > search.cost_max:
            break
        most = record.quality[place]
        menu.cost[menu.size], menu.level[menu.size] = cost, place + 1
        menu.gain[menu.size] = worth * (most - base_quality)
        kept = menu.gain[menu.size] - search.price * cost
        if kept > best:
            second, best, menu.chosen = best, kept, menu.size
        else:
            second = max(second, kept)
        menu.size += 1
    menu.least = best - second


cdef inline int64_t swap_at(
    const Search *search, const Menu *menu, uint32_t place, State *swap
) noexcept nogil:
    """Tell what it is to take another option of a menu than the one chosen; return the loss."""
    swap.tokens = menu.cost[place] - menu.cost[menu.chosen]
    swap.gain = menu.gain[place] - menu.gain[menu.chosen]
    return search.price * swap.tokens - swap.gain


cdef inline bint better(const State *left, const State *right) noexcept nogil:
    return left.gain > right.gain or (left.gain == right.gain and left.tokens < right.tokens)


cdef inline bint better_single(
    const Search *search, const State *left, const State *right
) noexcept nogil:
    """Compare two plans of one swap; of equal ones the smaller id is better."""
    if left.gain != right.gain or left.tokens != right.tokens or right.swap == NO_SLOT:
        return better(left, right)
    return compare_ids(search.table, left.swap >> 3, right.swap >> 3) < 0


cdef inline void keep_best(Search *search, const State *state) noexcept nogil:
    search.best = state[0]
    search.limit = search.price * search.rest - state.gain


cdef void fix_pages(Search *search) noexcept nogil:
    """Choose by price, find the best single swap, and rank the pages that may swap."""
    cdef uint32_t slot, place, size = 0
    cdef Menu menu
    cdef State swap
    search.chosen_tokens = search.chosen_gain = 0
    search.alone.gain = search.alone.tokens = swap.gain = swap.tokens = 0
    search.alone.swap = swap.swap = NO_SLOT
    swap.parent = 0
    keep_best(search, &swap)
    for slot in range(search.table.end):
        if search.scratch.levels[slot] == NO_PAGE or not search.scratch.worths[slot]:
            continue
        read_menu(search, slot, &menu)
        search.scratch.levels[slot] = <uint8_t> menu.level[menu.chosen]
        search.chosen_tokens += menu.cost[menu.chosen]
        search.chosen_gain += menu.gain[menu.chosen]
        swap.tokens, swap.gain = menu.cost[menu.size - 1], menu.gain[menu.size - 1]
        swap.swap = slot << 3 | menu.level[menu.size - 1]
        if better_single(search, &swap, &search.alone):
            search.alone = swap
        if menu.least > search.limit:
            continue
        for place in range(menu.size):
            if place != menu.chosen:
                swap_at(search, &menu, place, &swap)
                swap.swap = slot << 3 | menu.level[place]
                if swap.tokens <= search.rest and better_single(search, &swap, &search.best):
                    keep_best(search, &swap)
        if menu.least < search.limit:
            search.scratch.ranked[size].key, search.scratch.ranked[size].slot = menu.least, slot
            size += 1
    search.cores = size


cdef void choose_options(Search *search) noexcept nogil:
    """Fix pages at the price, or at the next higher one at which what it chooses fits."""
    cdef int64_t rise = max(search.price >> 16, <int64_t> 1)
    while True:
        fix_pages(search)
        if search.chosen_tokens == search.room - search.rest:
            return
        search.rest = search.room - search.chosen_tokens
        if search.rest < 0:
            search.rest = 0
            set_price(search, search.price + rise)
            rise *= 2


cdef int64_t loss_per_token(const Search *search, uint32_t slot) noexcept nogil:
    """Return the least that a swap of the page loses for each token that it moves."""
    cdef Menu menu
    cdef State swap
    cdef uint32_t place
    cdef int64_t loss, least = FAR
    read_menu(search, slot, &menu)
    for place in range(menu.size):
        if place != menu.chosen:
            loss = swap_at(search, &menu, place, &swap)
            least = min(least, loss // (swap.tokens if swap.tokens > 0 else -swap.tokens))
    return least


cdef void rank_cores(Search *search) noexcept nogil:
    """Keep the pages that may still swap, in search order."""
    cdef Ranked *cores = search.scratch.ranked
    cdef uint32_t place, kept = 0
    for place in range(search.cores):
        if cores[place].key < search.limit:
            cores[kept].slot, cores[kept].level = cores[place].slot, 0
            cores[kept].key = loss_per_token(search, cores[place].slot)
            kept += 1
    search.cores = kept
    sort_ranked(search.table, cores, kept)


cdef void find_reaches(Search *search) noexcept nogil:
    """Tell for each page in search order what it and those after it can lose."""
    cdef Reach reach
    cdef Menu menu
    cdef State swap
    cdef uint32_t option, place = search.cores
    cdef int64_t loss
    reach.own = reach.least = reach.spare = FAR
    reach.fill = search.price
    search.scratch.reaches[place] = reach
    while place:
        place -= 1
        read_menu(search, search.scratch.ranked[place].slot, &menu)
        reach.own = menu.least
        for option in range(menu.size):
            if option == menu.chosen:
                continue
            loss = swap_at(search, &menu, option, &swap)
            if loss >= search.limit:
                continue
            if swap.tokens > 0:
                reach.fill = min(reach.fill, loss // swap.tokens)
            else:
                reach.spare = min(reach.spare, loss // -swap.tokens)
        reach.least = min(reach.least, reach.own)
        search.scratch.reaches[place] = reach


# -- The search -----------------------------------------------------------------------------------

cdef inline int64_t least_loss(
    const Search *search, const State *state, const Reach *reach
) noexcept nogil:
    """Return the least that a plan loses that has more swaps than this state, up to `limit`."""
    cdef int64_t loss = search.price * state.tokens - state.gain
    cdef int64_t slack = search.rest - state.tokens
    cdef int64_t more
    if loss + reach.least >= search.limit:
        return search.limit
    if slack >= 0:
        more = slack * reach.fill
    elif reach.spare > (search.limit - loss - 1) // -slack:
        return search.limit
    else:
        more = -slack * reach.spare
    return min(loss + max(more, reach.least), search.limit)


cdef bint widen(
    Search *search, uint32_t slot, uint32_t first, uint32_t end, const Reach *reach
) noexcept nogil:
    """Add the states with this page decided; tell whether there was room for all of them."""
    cdef State[5] swaps
    cdef State[5] heads
    cdef State *states = search.scratch.states
    cdef Menu menu
    cdef int64_t loss, most = INT64_MIN
    cdef uint32_t place, top, size = 1
    read_menu(search, slot, &menu)
    swaps[0].tokens = swaps[0].gain = 0
    swaps[0].swap = NO_SLOT
    for place in range(menu.size):
        if place == menu.chosen:
            continue
        loss = swap_at(search, &menu, place, &swaps[size])
        if loss < search.limit:
            swaps[size].swap = slot << 3 | menu.level[place]
            size += 1
    for place in range(size):
        heads[place].tokens = states[first].tokens + swaps[place].tokens
        heads[place].gain = states[first].gain + swaps[place].gain
        heads[place].parent, heads[place].swap = first, swaps[place].swap
    while size:
        top = 0
        for place in range(1, size):
            if heads[place].tokens < heads[top].tokens or (
                heads[place].tokens == heads[top].tokens and heads[place].gain > heads[top].gain
            ):
                top = place
        if heads[top].gain > most:
            if heads[top].tokens <= search.rest and better(&heads[top], &search.best):
                keep_best(search, &heads[top])
            if least_loss(search, &heads[top], reach) < search.limit:
                if search.count == search.states_max:
                    return False
                states[search.count] = heads[top]
                search.count += 1
                most = heads[top].gain
        place = heads[top].parent + 1
        if place < end:
            heads[top].tokens = states[place].tokens + swaps[top].tokens
            heads[top].gain = states[place].gain + swaps[top].gain
            heads[top].parent = place
        else:
            # Of equal heads the lower number is first: the order of those left stays.
            size -= 1
            for place in range(top, size):
                heads[place], swaps[place] = heads[place + 1], swaps[place + 1]
    return True


cdef int run_search(Search *search) except -1:
    """Search; `least` is `limit` if the best plan is proven."""
    cdef uint32_t place, state, first = 0, end
    reserve_states(&search.scratch, 1, search.states_max)
    search.count = 1
    search.scratch.states[0].tokens = search.scratch.states[0].gain = 0
    search.scratch.states[0].parent, search.scratch.states[0].swap = 0, NO_SLOT
    for place in range(search.cores):
        end = search.count
        if search.scratch.reaches[place].least >= search.limit or first == end:
            break
        if search.scratch.reaches[place].own >= search.limit:
            continue
        reserve_states(&search.scratch, end + <uint64_t> (end - first) * 5, search.states_max)
        if not widen(
            search, search.scratch.ranked[place].slot, first, end,
            &search.scratch.reaches[place + 1],
        ):
            search.least = search.limit
            for state in range(first, end):
                search.least = min(search.least, least_loss(
                    search, &search.scratch.states[state], &search.scratch.reaches[place]
                ))
            return 0
        first = end
    search.least = search.limit
    return 0


# -- The decision ---------------------------------------------------------------------------------

cdef void settle_levels(Search *search) noexcept nogil:
    """Set the levels to the best plan's; if none is proven, one page alone may be better."""
    cdef State state = search.best
    cdef uint32_t slot
    if search.least < search.limit and search.alone.gain > search.chosen_gain + state.gain:
        state = search.alone
        for slot in range(search.table.end):
            if search.scratch.levels[slot] != NO_PAGE:
                search.scratch.levels[slot] = <uint8_t> base_level(&search.table.records[slot])
    while True:
        if state.swap != NO_SLOT:
            search.scratch.levels[state.swap >> 3] = <uint8_t> (state.swap & 7)
        if state.parent == 0:
            return
        state = search.scratch.states[state.parent]


cdef void commit_exact(Table *table, Search *search, Decision *decision) noexcept nogil:
    """Make the plan resident, drop the demands and note what moved."""
    cdef PageRecord *record
    cdef uint32_t slot, level
    for slot in range(table.end):
        level = search.scratch.levels[slot]
        if level == NO_PAGE:
            continue
        record = &table.records[slot]
        decision.steps += level > base_level(record)
        if level != record.level:
            search.scratch.moves[search.moves] = packed_move(slot, record.level, level)
            search.moves += 1
            set_resident(table, record, level)
            unsettle(table, slot)
    drop_demands(table)


cdef Wide plan_value(const Table *table, const uint8_t *levels, int64_t now) noexcept nogil:
    """Return what a plan is worth at a turn."""
    cdef const PageRecord *record
    cdef Worth worth
    cdef uint32_t slot
    clear_worth(&worth)
    for slot in range(table.end):
        if levels[slot] != NO_PAGE:
            record = &table.records[slot]
            add_worth(&worth, record.heat, quality_at(record, levels[slot]))
    return total_worth(&worth, now)


cdef int decide_exactly(
    Table *table, Search *search, uint64_t budget, int64_t now, Decision *decision
) except -1:
    """Select, and make the levels resident if the floor fits. Runs no Python code."""
    memset(decision, 0, sizeof(Decision))
    decision.floor_tokens = lay_exact_floor(search)
    table.selects += 1
    decision.feasible = decision.floor_tokens <= budget
    if decision.feasible:
        search.room = <int64_t> (budget - decision.floor_tokens)
        find_price(search)
        choose_options(search)
        rank_cores(search)
        find_reaches(search)
        run_search(search)
        settle_levels(search)
        decision.value = plan_value(table, search.scratch.levels, now)
        commit_exact(table, search, decision)
    decision.used_tokens = table.used_tokens
    return 0


cdef object in_values(object total, int64_t shift):
    """Bound in the values of this turn what is `total` in the objective."""
    cdef int64_t whole = shift >> 20
    cdef object scaled
    scaled = total * (mantissa(shift) + 1)  # in Q62, rounded up
    scaled = -(-(scaled << max(whole, <int64_t> 0)) >> 62 + max(-whole, <int64_t> 0))
    return scaled + (scaled >> EXACT_MARGIN_SHIFT) + 1


cdef int tell_exactly(const Search *search, int64_t now, ExactSelection selection) except -1:
    """Put what `decide_exactly` left into Python objects."""
    selection.states = search.count
    selection.packed = packed_moves(search.scratch.moves, search.moves)
    if not selection.decision.feasible:
        selection.required = required_slots(search.table)
        return 0
    selection.required = []
    selection.proven = search.least == search.limit
    selection.decision.bound = as_wide(in_values(
        search.floor_worth + search.chosen_gain + search.price * search.rest - search.least
        + <int64_t> QUALITY_MAX * search.pages,
        search.scale - now,
    ))
    return 0
