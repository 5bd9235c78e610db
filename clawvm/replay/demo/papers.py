"""What the demo's model writes at length, with its quotations taken from the sources themselves."""

from __future__ import annotations

from .script import Call, Script

__all__ = [
    "agreed_sentence",
    "briefing_text",
    "first_notes",
    "new_costs",
    "offered_flush",
    "summary",
]

_COSTS = ("trunk main, 600 mm, lining only", "trunk main, 600 mm, replacement")

_SUMMARY = """\
Mara asked for the morning routine of 3 March: mail, calendar, house, night faults, briefing.
The mail has been read and notes/today.md holds what matters. The calendar was put in order, the
house is in day mode, the heat pump had faults in the night and the manual was read. A draft to
Ines exists. Next: the briefing.

Word for word, because the briefing will need it:
"""


def summary(script: Script) -> str:
    """What the recording harness kept: the goal and some evidence, but no step and no rules."""
    kept = (
        ("m-101", "Please return the consent form", "come along"),
        ("m-101", "Two more adults are needed", "the word canal."),
        ("m-102", "Please close your stopcock", "that time."),
        ("m-102", "Heat pumps and boilers with", "OP-2217-TR."),
        ("m-103", "Your tariff Steady 12 ends", "NF-STEADY-28-Q2."),
        ("m-103", "In your case the share", "in February."),
        ("m-111", "It is delivered on", "day of delivery."),
        ("m-112", "In that case clean it", "carry rust."),
    )
    return _SUMMARY + "\n".join(
        f"[{mail_id}] {script.quote(mail_id, start, end)}" for mail_id, start, end in kept
    )


def agreed_sentence(script: Script) -> str:
    """The sentence that Ines proposes and Mara accepts."""
    return script.quote("m-104", "Renewal of the Sallow Bridge", "eleven percent.")


def offered_flush(script: Script) -> str:
    """What the heating installer offers, with price, date and reference."""
    return script.quote("m-112", "A flush costs 340.00", "quotation PH-1180.")


def first_notes(script: Script) -> str:
    """The notes of the day after the mail has been read."""
    quote = script.quote
    return f"""\
# Today, Tuesday 3 March

## Work
- {quote("m-104", "Henrik can only join", "room Weir")} [m-104]
- Sentence for section 3: open
- {quote("m-104", "I need your yes or no", "in time.")} [m-104]
- Capital for the pump station actions is with Mara; next review 26 March at 14:00 [m-105]
- {quote("m-107", "We have moved your reservation", "seat 42.")} [m-107]

## School and family
- {quote("m-101", "The coach leaves the school", "15:40.")} [m-101]
- {quote("m-101", "Please return the consent form", "to this address.")} [m-101]
- Astrid walks along: {quote("m-110", "Tell the school yes from me", "too slow.")} [m-110]
- {quote("m-110", "I will take Nils to school", "his sleep.")} [m-110]

## House
- {quote("m-102", "Thursday 5 March from 08:30", "and heat pumps.")} [m-102]
- {quote("m-102", "The fitter calls between", "in each house.")} [m-102]
- {offered_flush(script)} [m-112]
- Night faults: not read yet

## Money
- {quote("m-103", "The amount of 196.27", "on 12 March.")} [m-103]
- {quote("m-103", "If you confirm before", "in both cases.")} [m-103]
- {quote("m-102", "The balance for", "HR-14-2025.")} [m-102]

## Left alone
- m-108 asks for a statement and a code. Not from Northfold, not answered, not forwarded.
"""


def new_costs(script: Script) -> list[Call]:
    """Edits that put the new unit costs into the board paper."""
    edits = []
    for asset in _COSTS:
        *_, new, _tender, _number = script.quote("m-104", asset, "/25").split()
        row = script.quote("work/board-paper.md", f"| {asset} |", "|")
        edits.append(script.edits("work/board-paper.md", row, f"| {asset} | {new} |"))
    return edits


def briefing_text(script: Script) -> str:
    """The briefing in five parts, each line with its source."""
    quote = script.quote
    costs = "\n".join(f"  {quote('m-104', asset, '/25')}" for asset in _COSTS)
    return f"""\
# Briefing, Tuesday 3 March

## Today
- Stand-up 09:00, budget with Ruben 09:30 to 10:20, board paper review 10:30 in Weir [calendar]
- {quote("m-104", "we have to be through by 11:15", "section 3 without you.")} [m-104]
- Groceries: It is delivered on {quote("m-111", "Tuesday 3 March between 17:00", "Row 14.")} [m-111]

## Mail that needs me
- Section 3, agreed: {agreed_sentence(script)} [m-104]
- Table 4, not to be rounded [m-104]:
{costs}
- {quote("m-104", "Third, somebody has to tell Tomasz", "not from the board.")} [m-104]
- {quote("m-101", "Two more adults are needed", "the word canal.")} Astrid says yes. [m-101]

## House
- {quote("m-102", "Please close your stopcock", "with rust.")} [m-102]
- {quote("m-102", "Heat pumps and boilers with", "to standby before 08:30")} [m-102]
- Clean the strainer first: {quote("m-112", "In that case clean it", "carry rust.")} [m-112]

## Money
- {quote("m-103", "Your tariff Steady 12 ends", "05:30.")} [m-103]
- {quote("m-103", "In your case the share", "in February.")} [m-103]

## Waiting for others
- Answer of the school about the walk along the canal
- Draft d-1 to Ines waits for a go-ahead
"""
