"""The reference teacher's phrases: plain data, read by `teacher_words`.

`[a|b]` stands for one of its alternatives (one of which may be empty), `{slot}` for a text that is filled in.
Phrases hold no numbers and no names of their own, so that all that can be wrong comes from the slots.
"""

# What comes next, in the words before a call.
PLANS: dict[str, tuple[str, ...]] = {
    "run_first": (
        "[First I|I|To begin with, I] [run|execute] the program [as it stands|as given|unchanged] "
        "[to see|and see] [what comes out|how its result differs from the expected rows|what it "
        "gives].",
        "[Before changing anything|Before I touch the code|To start], [let me see|I want to see] "
        "what the program [gives|returns|does] [now|at the moment|as it is].",
        "[Let me|I'll|I will] run the [buggy|given|unchanged] program and [compare its output "
        "with|hold its result against|check its output against] the expected rows.",
        "[I start|Let me start] [with a run of|by running] the [unchanged|original|given] program, "
        "[so that I know what is wrong with its output|so that there is something to compare with "
        "the expected rows|to have something to compare].",
        "[A run|One run] of the program [as it is|as given|unchanged] should show [where to "
        "look|what kind of mistake this is|what is wrong with its rows].",
        "[What does the program give as it stands?|How far from the expected rows is the program?] "
        "[Let me run it|I run it|A run will tell].",
    ),
    "run_first_goal": (
        "[The expected output has {rows}, with|What is expected: {rows} with] the columns {columns}. "
        "[Let me see what the program gives.|I run the program to compare.|What does the program "
        "give?]",
        "[I look for|The program should give|Wanted:] {rows} with {columns}. [First I run it as it "
        "is|Let me run it unchanged|A run shows how far it is from that].",
        "[The first expected row begins with|In the expected rows, the first begins with] `{value}`[ "
        "in `{column}`|]; [let me see what the program gives|I run the program and see what it has "
        "there].",
        "[From the expected rows I know|The prompt tells] what should come out, {rows}[ of "
        "{columns}|]; [a run tells|running the program tells] what does come out.",
    ),
    "run_now": (
        "[Now|Next] I run the [whole program|program as it stands] to see [its result|what comes out "
        "in the end].",
        "[With that in mind|Now that I have seen this], let me [run|execute] the program "
        "[unchanged|as it is] and compare [its rows|the output].",
        "[Let me|I'll] run the buggy program now and [see how its rows differ|check its output].",
    ),
    "look_node": (
        "[Let me|I'll|Next I] [inspect|look at|look into] `{name}` [to see what|to see which "
        "rows|and see what] it [holds|contains].",
        "[The question is|I want to know] what `{name}` holds at that [point|stage], so I inspect it.",
        "`{name}` is [a good place to look|worth a look|what I want to see next].",
        "[To find|To narrow down] where things go wrong, I [inspect|check|look at] `{name}`.",
        "[Let me check|I'll check] [the intermediate table|the step] `{name}`[| before I guess].",
    ),
    "look_table": (
        "[Let me|I'll|I] look at the [stored table|table|data in] `{name}`[| itself] [to see its "
        "values|and see what kind of values it has].",
        "[What does the data look like?|I need to know the data.] [I inspect|Let me inspect] `{name}`.",
        "[It helps|It would help] to see [some rows of|the rows in] `{name}`, so I inspect that.",
        "[Before I go on|Before deciding anything], I [look at|inspect] `{name}`[, where the rows "
        "come from|].",
    ),
    "look_two": (
        "[Let me|I'll] inspect {both} [together|side by side|in one go].",
        "[I want to see|It helps to see] both {both}[, so I inspect them together|].",
    ),
    "docs": (
        "[Let me|I'll] [read the page about|check the page about|read the documentation of] "
        "`{topic}` [to be sure how it works|before I rely on it|to get its rules right].",
        "[How exactly does `{topic}` work|What exactly does `{topic}` do]? [The docs should say|I "
        "look it up].",
        "[To be sure about `{topic}`, I read its page|I am not certain about `{topic}`, so I read "
        "its page|I am not certain about `{topic}`: the docs will tell].",
        "[A quick look at|Let me consult] the docs for `{topic}`[ first|].",
    ),
    "docs_overview": (
        "[I do not know this dialect|The words of this dialect are new to me|I have not met this "
        "dialect before], so I [start with|read|begin with] the page `{topic}`.",
        "[This dialect has words of its own|The program uses words that I do not know|I see words "
        "that I have not met]; [let me read the page|I read the page|the page] `{topic}` [should "
        "explain them|is the place to learn them|is where to begin].",
        "[First|To begin with], the [reference of|docs for] this dialect: I [read|open] [the page|] "
        "`{topic}`.",
        "[Before anything else|Before I judge the program|Before I run anything], I need [to learn|] "
        "the language: `{topic}` is the page to begin with.",
        "[Only the docs|The docs] [explain|can tell me] [these words|this dialect|what these words "
        "mean], so [I go to|let me read|first I read] `{topic}`.",
    ),
    "docs_words": (
        "[What do {words} mean|What do words like {words} mean|What is the meaning of {words}]? [The "
        "page `{topic}` should tell|I read `{topic}` to learn it|Let me read `{topic}`].",
        "[I have not seen {words} before|I do not know {words} as words of this language]; [I "
        "read|let me read|I begin with] [the page|] `{topic}`.",
        "{words} [are words of a dialect|must be words of some dialect|are new to me][: I start "
        "with|, so I read|: let me read] `{topic}`.",
    ),
    "guess": (
        "[My first guess|One possibility|A first idea]: `{old}` should be `{new}`. [I try that|Let "
        "me try it|A run will tell].",
        "[Perhaps|Maybe|It could be that] `{old}` is [the culprit|what is wrong] and `{new}` would "
        "[be right|fit]. [Let me test that|I'll test it with a run].",
        "[Let me try|I try] `{new}` [in place of|instead of] `{old}` [and see whether the rows come "
        "nearer|and look at the rows|first].",
        "`{old}` [looks suspicious|catches my eye]: [I replace|let me replace] it by `{new}` and [run|see].",
    ),
    "guess_drop": (
        "[My first guess|One possibility]: `{old}` does not belong there. [I try it without|Let me "
        "run it without it].",
        "[Perhaps|Maybe] `{old}` is [one step too many|not needed]; [I run|let me run] the program "
        "without it.",
    ),
    "guess_add": (
        "[My first guess|One possibility]: `{new}` is missing. [I try it|Let me run it that way].",
        "[Perhaps|Maybe] the program needs `{new}` as well; a run will tell.",
    ),
    "try": (
        "[Let me|I'll] run [it with that change|the changed program|the corrected program] [to "
        "check|and compare].",
        "[A run|Running it] [will show|should show] whether [that is right|that is enough|the rows "
        "match now].",
        "[I make that change|I change that] and run the [whole program|program] [before "
        "submitting|to verify|again].",
        "[Time to test it|Let me verify this] [with a run|by running it].",
    ),
    "try_part": (
        "[I fix|Let me fix] that [first|one first] and [run again|see what remains].",
        "[One thing at a time|Step by step]: [I run it|let me run it] with this [change|fix] [alone|first].",
        "[That comes first|I start with that]; a run [will show|shows] [what is left|whether "
        "something else is wrong].",
    ),
    "probe": (
        "[Before running everything|First], [let me|I] inspect `{name}` [with that change|in the "
        "changed program].",
        "[I make the change and|With that change I] look at `{name}` [first|before the final result].",
    ),
    "verify_whole": (
        "[Now|Next] the whole [changed|corrected] program: does it give the expected rows?",
        "[Now I|Let me|I] run the whole program[ with the change|] [to compare the final rows|and "
        "check its output].",
        "[Let me|I'll] run the complete program with [that change|the fix] and compare the rows.",
    ),
    "submit": (
        "[I submit|Submitting|I hand in] [this version|this program|the corrected program|it].",
        "[That settles it|Done|That is it], so I [submit|hand it in].",
        "[So I submit|Now I can submit|I can now submit] [it|this|the program].",
        "[Nothing is left to change|No difference is left][; I submit|, so this is what I submit].",
    ),
}

# What an answer shows; the keys and slots are those of `teacher_facts`.
FACTS: dict[str, tuple[str, ...]] = {
    "match": (
        "[That gives|This gives|It gives|That yields] [exactly the|the] expected {rows}[, in the "
        "right order|].",
        "[Every row|Each value] [shown|in the output] [now matches|agrees with] the expected output: {rows}.",
        "[The output|The result] [now matches|is now] what was [expected|asked for]: the same {rows}.",
        "[Now the|The] output [agrees with|equals|is the same as] the expected {rows}.",
    ),
    "no_change": (
        "[That makes no difference|Nothing changes by that|The rows shown stay as they were].",
        "The rows shown are the same as before[, so that is not it|].",
    ),
    "different": ("[The rows are others than those expected|These are not the expected rows].",),
    "think": ("[Let me think about that|I have an idea].",),
    "still": (
        "[Still not right|Not there yet|Not it|That is not it].",
        "[No, that does not help|No luck with that|That was the wrong idea].",
        "[It is not right yet|Wrong, then].",
    ),
    "columns_other": (
        "[The output has|It gives|The program gives] {extra} where the expected rows have {missing}.",
        "The expected rows have {missing}, but the program gives {extra} [instead|].",
    ),
    "columns_missing": (
        "[The output lacks|Missing from the output:|The program does not give] {missing}.",
        "[Compared with the expected rows, the output lacks|What the expected rows have and the "
        "output lacks:] {missing}.",
    ),
    "columns_extra": (
        "[The output has more columns than expected|There are columns too many]: {extra}.",
        "{extra} [should not be in the output|comes out without being expected].",
    ),
    "rows_same": (
        "[The number of rows is right|The count of rows is as expected], {rows}.",
        "[There are {rows}, as expected|It gives {rows}, which is right in number].",
    ),
    "rows_none": (
        "[The result is empty|Nothing comes out|No row comes out], [where|while|although] the "
        "expected output has {goal}.",
    ),
    "rows_fewer": (
        "[It gives|The program gives|The output has] [only|] {given}, but the expected output has {n}.",
        "[Too few rows|Rows are missing]: {given} instead of {n}.",
        "[Only|] {given} came out[, while the expected output has| instead of] {n}.",
    ),
    "rows_more": (
        "[It gives|The program gives|The output has] {given}, but the expected output has [only|] {n}.",
        "[Too many rows|More rows than expected]: {given} instead of {n}.",
        "{given} came out[, while the expected output has| instead of] {n}.",
    ),
    "order": (
        "[The rows are the right ones, but in another order|Only the order of the rows is "
        "wrong|These are the expected rows in another order].",
        "[The same rows as expected, but they stand in another order|The rows are right, their order "
        "is not].",
    ),
    "columns_agree": (
        "{right} {agree} [with the expected rows|with what is expected], {wrong} {do} not.",
        "[In the rows shown,|Compared row by row,] {right} {agree} with the expected output while "
        "{wrong} {do} not.",
    ),
    "columns_all": (
        "[No column|None of the columns] agrees [in every row|throughout][: {wrong} differ somewhere|].",
        "[Row by row|Compared row by row], [no column is right throughout|every column differs somewhere].",
    ),
    "cell_placed": (
        "The {place} row has `{given}` in `{column}`, [but it should be|where the expected output "
        "has] `{goal}`.",
        "[In|Look at] the {place} row: `{column}` is `{given}` [instead of|and not] `{goal}`.",
        "`{column}` in the {place} row is `{given}`, [but|where] `{goal}` is expected.",
    ),
    "cell_keyed": (
        "[For|In the row with] `{key}` `{value}`, `{column}` is `{given}` [where|but] `{goal}` is expected.",
        "[Where|In the row where] `{key}` is `{value}`, `{column}` [should be `{goal}` but is "
        "`{given}`|comes out as `{given}` instead of `{goal}`].",
    ),
    "error_message": (
        '[It stops with an error|It fails|The program does not run]: "{message}", in line {line}.',
        '[Line {line} is refused|There is an error in line {line}]: "{message}".',
        '[The message is clear|The error says]: "{message}" (line {line}, column {column}).',
    ),
    "error_many_message": (
        "[Several errors are reported|There is more than one error], the first [of them |]in line "
        '{line}: "{message}".',
        '[More than one thing is wrong|It fails with several messages]; the first says "{message}" '
        "(line {line}).",
    ),
    "error_place": ("[It stops with an error|It fails] in line {line}, column {column}.",),
    "error_many_place": (
        "[It reports several errors|Several errors], the first in line {line}, column {column}.",
    ),
    "error_plain": ('[It fails|It stops]: "{message}".',),
    "error_bare": ("[It fails with an error|It does not run].",),
    "node_rows": (
        "`{name}` [has|holds] {rows}.",
        "[I see|That is] {rows} in `{name}`.",
        "[So|] `{name}` [comes to|has] {rows}.",
    ),
    "node_empty": ("`{name}` [is empty|has no rows at all][, so nothing can come out of it|].",),
    "node_constant": (
        "[The column|] `{column}` is `{value}` [in every row|throughout]{where}.",
        "[The column|] `{column}` has only one value{where}: `{value}`.",
    ),
    "node_range": (
        "`{column}` [runs|goes] from `{low}` to `{high}`{where}.",
        "The [lowest `{column}` is `{low}` and the highest|smallest `{column}` is `{low}` and the "
        "largest] `{high}`{where}.",
    ),
    "node_values": (
        "`{column}` takes the values {values}{where}.",
        "[In|For] `{column}` [I see|there is] {values}{where}.",
    ),
    "node_holds": (
        "[Among the values of|Among those in] `{column}` [is|I find] `{value}`.",
        "[There are rows|I see rows] with `{value}` in `{column}`.",
        "`{column}` has the value `{value}`[ among others|].",
    ),
    "node_first": (
        "`{column}` [begins with|starts with] `{value}`.",
        "The first `{column}` is `{value}`.",
    ),
    "node_columns": ("[Its columns are|It has the columns|The columns are] {columns}.",),
    "seems_right": (
        "[That looks right|Nothing looks wrong there|No sign of the mistake here][ so far|].",
        "[So far so good|This part seems fine][, so the mistake is elsewhere|].",
    ),
    "seems_wrong": (
        "[This is the step|Here is the step] [to look at more closely|that I doubt].",
        "[What this step does needs a closer look|I doubt that this step is right].",
    ),
    "seems_late": (
        "[This depends on an earlier step|It is made from other tables], so [I keep an eye on|the "
        "cause may lie in] what comes before it.",
        "[The mistake may well be further up|What comes before it may be the cause].",
    ),
    "seems_data": (
        "[Good to know|That helps|So this is what the data looks like].",
        "[Now I know the data|With that I can judge the program better].",
    ),
    "read": (
        "[That is clear now|Good, now I know the rules|That answers it].",
        "[Now I know how it works|So much for the rules].",
    ),
    "read_rule": (
        '[The page says|It says there|From the page]: "{rule}"',
        '[What matters here|The rule I need|Worth remembering]: "{rule}"',
    ),
    "read_overview": (
        "[Now I know the words|With these words I can read the program|That explains the words].",
        "[So that is how this dialect is written|The structure is familiar, only the words differ].",
    ),
}

# Why something is changed: `why_` with evidence, the others (by the kind of the change) as a suspicion.
REASONS: dict[str, tuple[str, ...]] = {
    "why_direction": (
        "[The expected rows|In the expected output the rows] go {way} in `{column}`, but `{old}` "
        "sorts the other way.",
        "`{old}` [has the wrong direction|sorts the wrong way round]: `{column}` goes {way} in the "
        "expected rows.",
    ),
    "why_sort": (
        "[The expected rows|The rows expected] [are in the order of|go {way} in] `{column}`, while "
        "`{old}` stands in the program.",
        "[Judging by the expected rows|In the expected output], the order is that of `{column}`, so "
        "`{old}` is wrong.",
    ),
    "why_take_more": (
        "[The expected output has {rows}|Expected: {rows}], [which `{old}` cannot give|but `{old}` "
        "cuts the result short].",
        "`{old}` [cannot be right|keeps too few]: the expected output has {rows}.",
    ),
    "why_take_less": (
        "[The expected output has only {rows}|Only {rows} should remain], [but `{old}` keeps more|so "
        "`{old}` keeps too many].",
        "`{old}` [lets too many through|keeps too much]: [the expected output has|expected:] {rows}.",
    ),
    "why_function": (
        "`{name}` [should be|reads like|is by its name] {meaning}, but it is `{wrong}`[ here|].",
        "[By its name|Going by the name], `{name}` is {meaning}; [the program computes|what stands "
        "there is] `{wrong}`.",
    ),
    "why_measured": (
        "`{name}` [should be made from|speaks of] `{column}`, but it is `{wrong}`[ here|].",
        "[By its name|Going by the name], `{name}` is about `{column}`, and `{wrong}` is not.",
    ),
    "why_same_name": (
        "`{name}` [should be made from|goes by the name of] the column `{column}`, but it is "
        "`{wrong}`[ here|].",
        "[I would expect|One would expect] `{name}` to come from the column [of that "
        "name|`{column}`], not from `{wrong}`.",
    ),
    "why_filter": (
        "[The expected rows include|Among the expected rows I find] `{value}` in `{column}`, which "
        "`{old}` [drops|would drop].",
        "`{old}` [cannot be right|is wrong]: `{value}` in `{column}` is expected, and it would be dropped.",
    ),
    "why_surplus": (
        "[The output includes|What comes out includes] `{value}` in `{column}`, [which is not "
        "among|unlike] the expected rows, so `{old}` [lets it through|does not keep the right rows].",
        "`{value}` in `{column}` [comes out but is not expected|should not come out], so `{old}` [is "
        "wrong|must be wrong].",
    ),
    "why_held": (
        "`{value}` is [a value of|found in] `{column}`[, as I saw|], [and may well be what `{old}` "
        "should ask for|while `{old}` asks for another].",
        "[Since `{column}` has `{value}`|With `{value}` in `{column}`], [that may be the value "
        "meant|I think that is the value meant], not that of `{old}`.",
    ),
    "why_held_new": (
        "`{value}` is [a value of|found in] `{column}`[, as I saw|], and a condition on it may be "
        "what `{statement}` lacks.",
        "[Since `{column}` has `{value}`|With `{value}` in `{column}`], I think `{statement}` should "
        "be limited by that.",
    ),
    "why_loose": (
        "[With more rows than expected|As there are too many rows], [a condition must be too "
        "weak|something lets too much through]; I [suspect|doubt] `{old}`.",
        "[Too many rows come out|More rows come out than expected], which [points to|makes me doubt] "
        "`{old}`.",
    ),
    "why_strict": (
        "[With fewer rows than expected|As there are too few rows], [a condition must be too "
        "strict|something drops too much]; I [suspect|doubt] `{old}`.",
        "[Too few rows come out|Fewer rows come out than expected], which [points to|makes me doubt] "
        "`{old}`.",
    ),
    "why_error": (
        "[The error is about|The message points at|What is refused is] `{name}` in `{old}`.",
        "[So `{name}` is the trouble|`{name}` is what cannot work], in `{old}`.",
    ),
    "why_lacking": (
        "The expected rows have {added}, [which `{old}` does not give|but `{old}` does not give that].",
        "{added} [is needed for the expected rows|must come out], [and `{old}` does not give "
        "it|which `{old}` leaves out].",
    ),
    "why_keys": (
        "The expected rows have {added}, [but `{old}` does not keep that|so `{old}` groups by the "
        "wrong thing].",
        "`{old}` loses {added}, which the expected rows have.",
    ),
    "why_join": (
        "`{key}` is a column of {tables}, [so the rows should meet on it|which makes it the natural "
        "key]; the join compares `{left}` with `{right}`.",
        "Comparing `{left}` with `{right}` [pairs the wrong rows|makes no sense to me]: {tables} "
        "share `{key}`.",
    ),
    "why_uncut": (
        "[Only {rows} should come out|The expected output has only {rows}], but [nothing cuts the "
        "rows short|the program does not stop there] in `{statement}`.",
        "[More rows come out|The program gives more rows] than the {rows} that are expected, so [a "
        "limit is missing|some limit must be missing] in `{statement}`.",
    ),
    "why_unsorted": (
        "[The expected rows|In the expected output the rows] go {way} in `{column}`, [but nothing in "
        "`{statement}` sorts them so|so `{statement}` lacks a sort].",
        "[Judging by the expected rows|In the expected output], `{statement}` should be sorted: "
        "`{column}` goes {way}[ there|].",
    ),
    "why_unfiltered": (
        "`{value}` in `{column}` [comes out but is not expected|should not come out], so [a "
        "condition is missing|some condition is missing] in `{statement}`.",
        "[The output includes|What comes out includes] `{value}` in `{column}`, [which is not "
        "among|unlike] the expected rows: `{statement}` [lacks a condition|should drop it].",
    ),
    "direction": (
        "[I think|It seems] `{old}` sorts in the wrong direction.",
        "[The direction of|The order in] `{old}` [must be|looks] wrong.",
    ),
    "sort": (
        "[I think|It seems] `{old}` puts the rows in the wrong order.",
        "The sort, `{old}`, [must be|looks] wrong.",
    ),
    "sort_column": (
        "[I think|It seems] `{old}` sorts by the wrong column.",
        "[The column in|What the rows are sorted by in] `{old}` [seems|looks] wrong.",
    ),
    "count": (
        "[The number in|How many rows are kept by] `{old}` [seems|looks] wrong.",
        "[I think|It seems] `{old}` keeps the wrong number of rows.",
    ),
    "value": (
        "[The value in|What is compared in] `{old}` [seems wrong|does not fit].",
        "[I think|It seems] `{old}` [compares with the wrong value|has the wrong value in it].",
        "`{old}` selects the wrong rows[, most likely because of its value|].",
    ),
    "comparison": (
        "The comparison in `{old}` [must be another one, I think|looks wrong|does not fit].",
        "[I think|It seems] `{old}` [compares the wrong way|uses the wrong comparison].",
        "`{old}` [does not keep the rows that it should|keeps the wrong rows].",
    ),
    "condition": (
        "[The condition|What is kept] [seems wrong|does not fit]: `{old}`.",
        "[I think|It seems] `{old}` does not keep the right rows.",
    ),
    "filter_column": (
        "`{old}` [tests|looks at] the wrong column, [I think|it seems].",
        "[I think|It seems] the condition `{old}` [is about another column|should test another column].",
    ),
    "function": (
        "[The aggregate|What is computed by] `{wrong}` is not [what is wanted|the right measure], [I "
        "think|it seems].",
        "[I think|It seems] the function in `{wrong}` is wrong.",
        "[I doubt|What I doubt is] `{wrong}`: [another function may be meant|it seems the wrong function].",
    ),
    "aggregate_column": ("[I think|It seems] `{wrong}` [is computed from|uses] the wrong column.",),
    "aggregate": ("[I think|It seems] `{wrong}` [computes the wrong thing|is the wrong measure].",),
    "keys": (
        "[The grouping|How rows are grouped], `{old}`, [seems|looks] wrong.",
        "[I think|It seems] the rows are grouped by the wrong thing in `{old}`.",
    ),
    "formula": (
        "[The formula in|What is computed in] `{old}` [seems|looks] wrong.",
        "[I think|It seems] `{old}` [computes the wrong thing|has a mistake in its formula].",
    ),
    "columns": (
        "[The list of columns in|What is kept by] `{old}` [seems|looks] wrong.",
        "[I think|It seems] `{old}` keeps the wrong columns.",
    ),
    "join_key": (
        "[The join `{old}`|`{old}`] [pairs rows|compares columns] that do not belong together, [I "
        "think|it seems].",
        "[I think|It seems] the keys in `{old}` are [wrong|not those that belong together].",
        "`{old}` [joins on the wrong columns|has the wrong keys], by the look of it.",
    ),
    "join_tables": ("[I think|It seems] `{old}` joins the wrong tables.",),
    "load": ("[I think|It seems] `{old}` [reads the wrong table|is the wrong table].",),
    "reference": (
        "[I think|It seems] `{statement}` [starts from|is built on] the wrong table, `{old}`.",
        "`{statement}` is made from `{old}`, [which seems the wrong table|but should be made from "
        "another table].",
    ),
    "source": ("[I think|It seems] `{statement}` [starts from|is built on] the wrong table.",),
    "emit": ("[The wrong table comes out|The result is the wrong table]: `{old}`.",),
    "missing": (
        "[A step is missing|Something is missing] in `{statement}`[, I think|].",
        "[I think|It seems] `{statement}` [lacks a step|needs one step more].",
    ),
    "extra": (
        "[I think|It seems] `{old}` [does not belong there|is one step too many].",
        "`{old}` in `{statement}` [does harm|should not be there].",
    ),
    "order_stages": (
        "[I think|It seems] [steps|some steps] of `{statement}` stand in the wrong order: `{old}`.",
        "[The order of|The order in] `{old}` [looks|seems] wrong[ to me|]: each step works on what "
        "the one before it leaves.",
    ),
    "pipe": (
        "[The line|What is wrong is the line] `{old}`, [which lacks its|which has no] `{word}`.",
        "`{old}` [needs a|must begin with] `{word}`.",
    ),
    "typo": (
        "`{wrong}` is [a slip|not what should stand there].",
        "[The mistake is|What is wrong is] `{wrong}`.",
    ),
    "lacking": ("[In|In the line] `{old}` [something is missing|a piece is missing].",),
    "surplus": ("[In|In the line] `{old}` [something is too much|there is a piece too many].",),
    "syntax": ("[The line|I think the line] `{old}` is [not well formed|wrongly written].",),
    "other": (
        "[What is done in|How the rows are made in] `{statement}` [seems|looks] wrong.",
        "[I think|It seems] the mistake is in `{statement}`.",
    ),
    "more": (
        "[The other lines need|What else is wrong needs] [changes of the same kind|mending as well].",
        "[There is more to mend|That is not all], which I do [at once|in the same go].",
    ),
    "whole": (
        "[More than one step is wrong|Several steps need to change], so I write the program anew "
        "[from the expected rows|so that it gives the expected columns].",
        "[Patching single lines will not do|Single edits are not enough]: I rewrite the program for "
        "the expected rows.",
    ),
}

# What it is changed to.
REPAIRS: dict[str, tuple[str, ...]] = {
    "replace": (
        "[It should be|I change it to|That should read|Right would be] `{new}`.",
        "[So I|I] [replace it by|make it] `{new}`.",
        "[My fix|The fix]: `{new}`.",
        "With `{new}`[ instead|], [I expect the right rows|the rows should come right].",
    ),
    "replace_words": (
        "[So I change|I change] `{wrong}` to `{right}`.",
        "Changing `{wrong}` to `{right}` should mend [it|that].",
        "[It should be|Right would be] `{right}`[, not `{wrong}`|].",
        "[I put|The fix is to put] `{right}` in [place of|the place of] `{wrong}`.",
    ),
    "add": (
        "[I add|So I add|The fix is to add] `{new}`.",
        "`{new}` [has to be added|should stand there].",
    ),
    "drop": (
        "[I drop it|So I take it out|The fix is to leave it out].",
        "[It goes|Out with it].",
    ),
    "rework": (
        "[I rewrite|So I rewrite|I change] that part.",
        "[That part needs rewriting|I put it right].",
    ),
}

PHRASES: dict[str, tuple[str, ...]] = {**PLANS, **FACTS, **REASONS, **REPAIRS}
