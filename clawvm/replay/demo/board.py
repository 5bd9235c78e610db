"""The board paper that the demo's model reads and edits."""

from __future__ import annotations

__all__ = ["board_paper"]

_PAPER = """\
# Renewal of mains 2026 to 2031: paper for the board, version 7

## 1 What the board is asked
To take note of the state of the network, to approve the programme of table 3 for the first two
years and to accept the unit costs of table 4 as the basis of the tender. The council receives
sections 2 and 3 on the same day. The annexes are for the board only.

## 2 State of the network
Tarnwater runs 1,284 kilometres of mains, of which 212 kilometres were laid before 1950. The
burst rate fell from 14.1 to 11.8 for each hundred kilometres and year since the pressure zones
were split in 2022. Leakage is 96 litres for each property and day, against a target of 90 by
the end of 2027. Most of what is left sits in three zones: Mill Street, Lower Sallow and the
harbour, where road surface and tidal ground water make every repair dear.

The inspection of November covered 18 kilometres of trunk main with a free-swimming probe. It
found two joints with moderate loss of section, both at Canal Junction, and no bend that has to
be dug up at once. Where the probe could not pass, at the siphon under the harbour basin, the
wall was measured from outside at twelve points. The report of the inspection company is annex
B.

## 3 Sallow Bridge trunk main
The trunk main at Sallow Bridge supplies 41,000 people and has no second line. Renewal of the
main may be deferred, depending on the budget. A temporary line across the bridge was costed and
rejected because the bridge does not carry it when full. The valve chamber at the north end was
rebuilt last year, so a failure can be isolated within forty minutes by a crew that knows the
place.

If the renewal is moved, three things have to be done in its stead: a pressure logger at each
end, a yearly walk with the correlator, and a contract for standby pipe with delivery inside
eight hours. Their cost is 61,000 a year and is contained in the operating budget.

## 4 Costs
Unit costs are per metre or per piece, without tax, at prices of the year in the heading. They
come from tenders and not from the price book, because the book lags behind by about two years.

Table 4, unit costs 2024:

{table}

## 5 Programme
The programme is built from the burst record, the criticality of the street and the plans of the
council. Streets that are dug up by others are taken first even when their score is middling.
The model and its weights are those of 2023, with one change: a main without a second line
counts double.

In the first year 11.2 kilometres are renewed, in the second 13.5. Lower Sallow goes first,
because the council rebuilds the quay there from September and will not open it again for ten
years. Mill Street follows in the spring, one lane at a time, in the hours that the traders'
association has agreed to.

## 6 Risks
- Prices: every five percent on the tender moves 400 metres out of the second year.
- People: the two crews that can weld polyethylene under traffic are booked until June.
- Permits: the crossing of the railway at Marsden Cross needs a closure of one night.
- Reputation: Lock Lane is remembered; the actions of its review are reported as annex D.

## 7 What happens next
The paper is printed on Tuesday at noon, goes to the board with the papers of the week and is on the
agenda of Thursday 12 March. Questions of members are collected by the office of the board.
"""


def board_paper(unit_costs: str) -> str:
    """The paper, its table 4 made of the old costs in a table of old and new ones."""
    rows = ["| asset | cost 2024 |", "|---|---|"]
    for line in unit_costs.splitlines()[1:]:
        asset, old = line[2:43].strip(), line[43:52].strip()
        rows.append(f"| {asset} | {old} |")
    return _PAPER.replace("{table}", "\n".join(rows))
