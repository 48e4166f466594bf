"""Wrong answers to the exercises, with a part of what `check` says to each; at least two for every exercise.

They are expressions over the names that the solutions notebook has at that place; `answer` is the right answer, except
where the exercise asks for a function.
"""

WRONG_ANSWERS = {
    "01.1": [
        ("lambda said, gold: gold in said", "compare words, not letters"),
        ("lambda said, gold: gold.lower() in said.lower()", "compare words, not letters"),
        ("lambda said, gold: said.lower() == gold.lower()", "may say more than the gold answer"),
        ("lambda said, gold: gold.lower() in said.lower().split()", "Given 'It is Lyon.', 'Lyon', it returns False"),
        (
            "lambda said, gold: said.lower().startswith(gold.lower())",
            "Given 'New York City', 'York', it returns False",
        ),
        ("lambda said, gold: is_match(gold, said)", "the other way round"),
        ("lambda said, gold: set(gold.lower().split()) <= set(re.findall(r'\\w+', said.lower()))", "in their order"),
        ("lambda said, gold: said.index(gold) >= 0", "it stops with ValueError"),
        ("lambda said, gold: None", "does it end with `return`?"),
        ("is_match('MOSCOW', 'Moscow')", "Give the function itself"),
    ],
    "01.2": [
        ("answer[:2]", "3 different pairs are asked for"),
        ("[answer[0]] * 3", "3 different pairs are asked for"),
        ("[*answer, ('Stuttgart', 'art', False)]", "pair 4: the rule 'words' says False, as you do"),
        ("[*answer, ('MOSCOW', 'Moscow', True)]", "pair 4: the rule 'words' says True, as you do"),
        ("[pair[:2] for pair in answer]", "Give a list of (model says, gold answer, True or False)"),
    ],
    "01.3": [
        ("answer | {'cost': 100 * answer['cost']}", "percent"),
        ("answer | {'cost': 1 - answer['cost']}", "that of the others"),
        ("answer | {'cost': sum(c < threshold for c in other_confidences)}", "is it a count?"),
        ("answer | {'threshold': np.quantile(lucky_confidences, 0.1)}", "less than nine tenths of the luck"),
        ("answer | {'threshold': 1}", "more than nine tenths of the luck"),
        ("answer | {'threshold': 90}", "The threshold is too large"),
        ("answer['threshold']", "Give a dictionary with 'threshold' and 'cost'"),
    ],
    "01.4": [
        ("[p for p in probes if p.question.startswith(old_words)]", "still have their old words"),
        ("answer[:5]", "these are 5"),
        ("len(answer)", "Give the list that `probe(lm, reworded)` returns"),
        (
            "[dataclasses.replace(p, question=p.question.replace('Where was', 'Where was ')) for p in answer]",
            "look at the spaces",
        ),
        ("[p for p in probes if p.question.startswith('In which city is')][:1] + answer", "is no birthplace question"),
    ],
    "02.1": [
        (
            "lambda certain, uncertain: 1 - pairs_in_order(certain, uncertain)",
            "the uncertain value should be the higher one",
        ),
        (
            "lambda certain, uncertain: np.mean(np.array(uncertain)[:, None] > np.array(certain))",
            "a tie counts one half",
        ),
        (
            "lambda certain, uncertain: np.mean(np.array(uncertain)[:, None] >= np.array(certain))",
            "a tie counts one half",
        ),
        ("lambda certain, uncertain: 100 * pairs_in_order(certain, uncertain)", "a share, not percent"),
        (
            "lambda certain, uncertain: pairs_in_order(certain, uncertain) * len(certain) * len(uncertain)",
            "divide by all pairs",
        ),
        ("lambda certain, uncertain: float(np.mean(uncertain) > np.mean(certain))", "compare pairs, not means"),
        ("lambda certain, uncertain: [a < b for a, b in zip(certain, uncertain)]", "which is not right"),
    ],
    "02.2": [
        ("answer | {'changed': len(measured)}", "`changed` is too large"),
        ("answer | {'example': ['Paris'] * 5}", "without `normalise` they must all be different"),
        (
            "answer | {'example': ['Paris', 'Lyon', 'Nice', 'Metz', 'Brest']}",
            "with `normalise` they must all be the same",
        ),
        (
            "answer | {'example': [*answer['example'][:4], 'Paris, France']}",
            "with `normalise` they must all be the same",
        ),
        ("answer | {'example': answer['example'][:4]}", "five texts"),
        ("changed", "give a dictionary"),
    ],
    "02.3": [
        ("answer | {'tied': median_split([u.entropy for u in measured], seed=seed).tied}", "of all the answers"),
        ("answer | {'agreement': 1 - answer['agreement']}", "that of the others"),
        ("answer | {'agreement': 100 * answer['agreement']}", "percent"),
        ("answer | {'tied': of_five.tied / len(measured)}", "a count"),
        ("answer | {'agreement': np.mean(of_five.certain)}", "how many the split calls certain"),
    ],
    "02.4": [
        (
            "[p.question for _, p in sorted(unknown, key=lambda pair: -pair[0])[:10]]",
            "the lowest entropy, not the highest",
        ),
        (
            "[p.question for p in probes if p.correct][:10]",
            "in D1",
        ),
        ("answer[:9]", "ten different questions"),
        ("[answer[0]] * 10", "ten different questions"),
        ("[p for _, p in lowest]", "the texts of the questions"),
    ],
}
