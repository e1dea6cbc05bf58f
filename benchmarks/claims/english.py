"""How claims are worded in English: one or more patterns a kind, the longer before the shorter."""

from __future__ import annotations

from benchmarks.claims.patterns import (
    COLUMN,
    END,
    Table,
    between,
    column,
    instant,
    lasting,
    name,
    number,
    quantity,
    quoted,
    weekday,
)  # fmt: skip

_RANGE = between("to")
_AT = instant("at", "en")
_RATIO = (
    rf"(?:is {number('times')} times|is only {number('portion', True)} of"
    r"|is (?:(?P<degree>somewhat|well|slightly) )?(?P<direction>above|below)|(?P<apart>stands out from)"
    r"|(?P<inside>is within|lies within))"
)
_OFTEN = (
    rf"(?:occurred in (?P<seldom>only )?{number('count')}(?: of {number('total')})? (?P<which>earlier |other )?records?"
    rf"|(?P<never>had never occurred before|occurs nowhere else)(?: in {number('total')} (?P<which>earlier |other )?"
    r"records?)?|(?P<rare>is rare))"
)
_AWAY = rf"{number('deviations')} standard deviations (?P<direction>above|below|away from)"

PATTERNS: Table = (
    (
        "silence",
        (
            rf"there has been no record(?: of {name('entity')}(?= since |, for |, where |{END}))?(?: since {_AT})?"
            rf"(?:,? for {number('actual')} days?)?(?:, where {between('to')} days between records are usual)?"
            rf"(?: \(in {number('count')} earlier records?\))?"
        ),
    ),
    (
        "category_shift",
        (
            rf"(?:the (?:value|{column('feature')}) {quoted('actual')}|it) (?:stands in {number('count')} of "
            rf"{number('total')} records?(?: within {number('days')} days?)?(?:, against {number('earlier')} of "
            rf"{number('earlier_total')} earlier records?)?|has another share than before)"
        ),
    ),
    *(
        (
            kind,
            (
                rf"the {word} of (?:(?P<amount>the amount)|{column('feature')}|the values)(?:, {quantity('actual')})?"
                rf"(?: in {number('count')} records?)?(?: within {number('days')} days?)?,? {_RATIO} what is usual"
                rf"(?: for {name('entity')})?(?: \({_RANGE}\)|{END})"
            ),
        )
        for kind, word in (("recent_level", "median"), ("recent_sum", "sum"))
    ),
    (
        "own_history",
        (
            rf"{_RATIO} what is usual for {name('entity')}"
            rf"(?: \((?:{_RANGE})?(?: ?in {number('count')} (?P<which>earlier|other) records?)?\)|{END})"
        ),
    ),
    (
        "peers",
        rf"{_RATIO} what is usual among (?:{number('count')} )?comparable records?(?: \({_RANGE}\))?",
    ),
    ("pair", rf"the combination of {column('first')} and {column('second')}, {quoted('actual')}, {_OFTEN}"),
    (
        "rare_value",
        rf"(?:the (?:value|{column('feature')}) {quoted('actual')}|(?P<empty>an empty) {column('feature')}) {_OFTEN}",
    ),
    (
        "new_entity",
        (
            rf"the {column('feature')} {name('actual')} (?:had|has) (?:(?P<never>no) (?P<which>earlier|other) records"
            rf"|only {number('count')} (?:(?P<which>earlier|other) )?records?)"
            rf"(?:, and of its records {number('unusual')} are unusual)?"
        ),
    ),
    (
        "frequency",
        (
            rf"there (?:was|were) (?:{number('actual')} records?|an unusual number of records)(?: of {name('entity')})?"
            rf"(?: within {number('days')} days?)?(?:, {number('times')} times the usual number(?: \({_RANGE}\))?"
            rf"|, where {_RANGE} (?:is|are) usual|{END})"
        ),
    ),
    (
        "unusual_time",
        (
            rf"falls(?: on an? {weekday('weekday', 'en')})?(?:, {_AT})?,? ?(?:outside the usual hours "
            r"\((?P<from>\d\d:\d\d) to (?P<until>\d\d:\d\d)\)|(?:at )?an unusual time)"
            rf"(?:, as (?:does|do) {number('others')} other records? of the finding)?"
        ),
    ),
    ("holiday", rf"falls on (?:the holiday {quoted('holiday')}|a holiday)(?:, {_AT})?"),
    (
        "period_end",
        (
            rf"falls (?:{number('days')} days? before the end of the period|(?P<last>on the last day of the period)"
            rf"|near the end of the period)(?:, on {_AT})?"
        ),
    ),
    (
        "weekend",
        (
            rf"falls on a (?:{weekday('weekday', 'en')}|weekend)(?:, {_AT})?"
            rf"(?:, like (?P<seldom>only )?{number('share', True)} of all records)?"
        ),
    ),
    (
        "night",
        rf"falls(?: on {_AT},)? outside office hours(?: \((?P<from>\d\d:\d\d) to (?P<until>\d\d:\d\d)\))?",
    ),
    ("night", rf"falls on {_AT}"),
    (
        "combination",
        rf"(?P<columns>{COLUMN}(?:, {COLUMN})* and {COLUMN}) are unusual in combination(?P<alone> rather than each alone)?(?:, {column('feature')} most of all)?",
    ),
    ("combination", rf"{column('feature')} is unusual in combination with the rest of the record"),
    (
        "strangeness",
        rf"is stranger than (?:{number('share', True)} of |(?P<all>all ))?(?:{number('count')} )?comparable records?",
    ),
    ("strangeness", r"is among the strangest of comparable records"),
    (
        "duplicate",
        (
            r"(?P<alike>equals|is close to|stands beside) that of (?:document "
            rf"{name('other')}|a first payment)(?:, (?:paid|made)(?: (?:(?P<same_day>on the same day)|{number('days')} "
            rf"days? earlier))?(?:,? on {instant('other_at', 'en')})?)?,? ?(?:to (?P<payee>the same|a similar|another) "
            r"payee with (?P<number>the same|a similar|another) invoice number(?P<respelt>, written differently)?|(?=[,.;]|$))"
        ),
    ),
    (
        "below_limit",
        (
            rf"is (?P<near>just )?below the limit(?: of {quantity('high')})?(?: \({number('portion', True)} of it\))?"
            rf"(?:, like {number('count')} other amounts? of the same origin)?"
        ),
    ),
    ("not_below", rf"is not below the limit(?: of {quantity('high')})?"),
    (
        "split",
        (
            rf"(?:{number('count')} amounts?|several amounts)(?: (?P<same_day>on the same day)|"
            rf" within {number('days')} days?)? together (?:comes?|count) (?:to {quantity('actual')}|as one sum)"
            rf"(?:, (?P<side>above|against) the limit of {quantity('high')})?"
        ),
    ),
    (
        "round_amount",
        (
            rf"is a (?:whole multiple of {number('unit_of')}|round figure)"
            rf"(?:, like (?P<seldom>only )?{number('share', True)} of all amounts)?"
        ),
    ),
    (
        "benford",
        (
            rf"{number('actual', True)} of {number('count')} amounts? begins? with (?:(?P<digits>\d+)|some digits)(?:, {number('times')} times the {between('to', percent=True)} that Benford's law "
            rf"gives|, where {between('to', percent=True)} is what Benford's law gives)?"
            rf"(?: \(mean absolute deviation {number('mad')}(?:, {number('excess')} more than chance gives)?\))?"
        ),
    ),
    (
        "endings",
        (
            rf"{number('actual', True)} of {number('count')} amounts? ends? (?:in {quoted('ending')}|alike)"
            rf"(?:, where {number('high', True)} is usual)?"
        ),
    ),
    ("no_description", rf"the field (?:for the description|{column('feature')}) is empty"),
    (
        "sequence_gap",
        rf"{number('actual')} numbers? (?:is|are) missing between documents {name('after')} and {name('before')}{END}",
    ),
    ("self_approved", rf"was both created and approved by {name('actual')}{END}"),
    (
        "bank_changed",
        (
            rf"the bank account was changed (?:(?P<same_day>on the day of the payment)|{number('days')} days? before the "
            rf"payment|before the payment)(?:, from {name('previous')} to {name('current')}{END}|, from {name('previous')}{END}"
            rf"| to {name('current')}{END})?"
        ),
    ),
    (
        "shared_details",
        rf"the (?:detail|{column('feature')}) is the same as that of (?:someone else|{name('with')}{END})",
    ),
    (
        "relative_size",
        (
            rf"(?:is {number('times')} times|is larger than|stands beside) the next largest (?:amount|value)"
            rf"(?: of {name('entity')})?(?: \({quantity('high')}\)|{END})"
        ),
    ),
    (
        "stoppable",
        (
            r"(?:the money|it) (?:(?P<stop>can still be stopped)|(?P<gone>had left|has left))"
            rf"(?: (?:until|by) {instant('leaves', 'en')}|,? since the payment has the status {quoted('status')})?"
        ),
    ),
    ("house_rule", rf"the house rule {quoted('actual')} applies(?:: {quoted('text')})?"),
    ("exposure", rf"the money at risk is {quantity('actual')}"),
    ("exposure", r"the money at risk is not known"),
    (
        "decided_before",
        (
            rf"{number('count')} similar findings? (?:has|have) been reported(?: within {number('days')} days?)?"
            rf"(?:, {number('dismissed')} of them dismissed(?: as {quoted('reason')})?)?"
            rf"(?:, {number('accepted')} of them accepted(?: as {quoted('reason')})?)?"
            rf"(?:, {number('confirmed')} of them confirmed(?: as {quoted('reason')})?)?"
        ),
    ),
    (
        "seen_before",
        rf"the same finding has been reported(?: on {number('count')} nights?)?(?: since {instant('since', 'en')})?",
    ),
    (
        "outside_band",
        (
            rf"(?:{column('feature')} )?reached {quantity('actual')} on {_AT}(?:, {_AWAY} (?P<whence>the middle of the expected band|"
            rf"the expected band))?(?:, (?:against|outside) the expected band)?(?: \({_RANGE}\))?"
        ),
    ),
    (
        "relation_broken",
        (
            rf"(?:{column('feature')} )?no longer followed the other measures(?:: it (?:read|averaged) {quantity('actual')}"
            rf"(?: on {_AT})?,?(?: where they predict {_RANGE})?)?(?:,? which predict {between('to')})?"
            rf"(?:, {_AWAY} (?P<whence>the middle of that range|that|their prediction))?"
        ),
    ),
    (
        "level_shift",
        (
            rf"(?:{column('feature')} )?averaged {quantity('actual')}(?:, {_AWAY} its usual level|"
            rf", against its usual level)?(?: \({_RANGE}\))?"
        ),
    ),
    (
        "variation",
        (
            rf"(?:{column('feature')} )?varied (?:{number('times')} times as much as usual|only {number('portion', True)} as "
            rf"much as usual|(?P<more>more|less) than usual)(?: \((?:a spread of {quantity('actual')})?"
            rf"(?: ?(?:against|usual spread) {quantity('usual')})?\))?"
        ),
    ),
    (
        "episode",
        (
            rf"(?:the episode |it )?began on {_AT} and (?:(?:(?P<open>has lasted) {lasting('actual', 'en')} so far|(?P<paused>had lasted) {lasting('actual', 'en')} at the last reading judged)"
            rf"|(?P<open>still lasts)|lasted {lasting('actual', 'en')}(?: until {instant('end', 'en')})?|has ended)"
        ),
    ),
    (
        "episode",
        (
            rf"(?:the episode |it )(?:(?:(?P<open>has lasted) {lasting('actual', 'en')} so far|(?P<paused>had lasted) {lasting('actual', 'en')} at the last reading judged)|(?P<open>still lasts)"
            rf"|lasted {lasting('actual', 'en')}(?: until {instant('end', 'en')})?|has ended)"
        ),
    ),
    ("also_moved", rf"(?:{column('feature')} )?moved as well(?:, {_AWAY} its usual level)?"),
    (
        "one_sided",
        rf"(?:{column('feature')} )?stayed, by little but all the time, (?:{_AWAY} what is expected of it|(?P<direction>above|below) what is expected of it|away from what is expected of it)",
    ),
    (
        "joint_distance",
        (
            rf"(?:(?P<columns>{COLUMN}(?:, {COLUMN})* and {COLUMN})|the measures) left their usual pattern together "
            rf"rather than each alone(?:, {number('deviations')} standard deviations away)?"
        ),
    ),
    (
        "rate_of_change",
        (
            rf"(?:{column('feature')} )?shows (?:{number('count')} )?changes? from one reading to the next"
            rf"(?:, the most extreme of them {quantity('actual')})?(?:, where up to {quantity('high')} is usual)?"
        ),
    ),
    (
        "climatology",
        (
            rf"(?:{column('feature')} )?has (?:{number('count')} )?readings? outside the range of the season"
            rf"(?: \({_RANGE}\))?(?:, the most extreme of them {quantity('actual')})?"
        ),
    ),
    (
        "neighbour",
        (
            rf"(?:{column('feature')} )?no longer agrees with (?:the sensor beside it|{column('with')})"
            rf"(?:: it differs by {quantity('actual')} on average)?(?:, where {_RANGE} is usual)?"
        ),
    ),
    (
        "clock_stuck",
        (
            rf"(?:{column('feature')} )?has (?:{number('count')}|several) readings? with one and the same time"
            rf"(?:, (?:on )?{_AT})?"
        ),
    ),
    (
        "bad_quality",
        rf"(?:{column('feature')} )?has (?:{number('count')} )?readings? that the origin marked as bad(?: since {_AT})?",
    ),
    (
        "unit_changed",
        (
            rf"(?:{column('feature')} )?changed its unit(?: from (?P<previous>\S+?))?(?: to (?P<current>\S+?))?"
            rf"(?:, in {number('count')} readings?|{END})"
        ),
    ),
    (
        "flat_line",
        (
            rf"(?:{column('feature')} )?has been stuck(?: at {quantity('actual')})?(?: since {_AT})?"
            rf"(?:,? for {lasting('minutes', 'en')})?"
        ),
    ),
    (
        "silent",
        (
            rf"(?:{column('feature')} )?has given no reading(?: since {_AT})?(?:,? for {lasting('minutes', 'en')})?"
            r"(?:, where one every (?P<interval>minute|[\d.]+ minutes?|\d+ h(?: \d+ min)?) is usual)?"
        ),
    ),
    (
        "spikes",
        (
            rf"(?:{column('feature')} )?shows (?:{number('actual')} )?spikes? of a single sample"
            rf"(?:, where up to {number('high')} would be usual in as long a time)?"
        ),
    ),
    (
        "gross_range",
        (
            rf"(?:{column('feature')} )?has {number('count')} readings? (?:outside the plausible range|(?P<direction>above) the "
            rf"highest plausible value|(?P<direction>below) the lowest plausible value)(?: \({_RANGE}\))?"
            rf"(?:, the most extreme of them {quantity('actual')})?"
        ),
    ),
    (
        "sensor_drift",
        (
            rf"(?:{column('feature')} )?differs from its reference(?: by {quantity('actual')} on average)?"
            rf"(?:, where {_RANGE} is usual)?"
        ),
    ),
    (
        "value",
        rf"(?:(?P<amount>the amount)|the value|the {column('feature')}) of {quantity('actual')}(?= |,|$)",
    ),
    ("value", rf"(?:(?P<amount>the amount)|the value|the {column('feature')})(?= (?:is|equals|stands|lies)\b)"),
)

OPENINGS = (
    r"In record {label},",
    r"Record {label}",
    r"For {label},",
    r"On {label},",
    r"Across {label},",
    r"In row (?P<row>\d+),",
    r"Row (?P<row>\d+)",
)
CONNECTORS = (
    r"moreover,", r"in addition,", r"besides,", r"at the same time,", r", and", r", while", r"and", r"while", r"it",
    r"the record",
)  # fmt: skip
HYPOTHESIS = r"(?:^|(?<=[.…] ))It may be that .*?(?=(?<=[.…]) First, |$)"
STEP = r"(?:^|(?<=[.…] ))First, .*$"
FITS = r", which would fit (?P<evidence>.*?)\.$"
