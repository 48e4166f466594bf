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
    "03.1": [
        ("lambda answer, certain: pad(answer, not certain)", "the other way round"),
        ("lambda answer, certain: pad(answer, certain).strip()", "begins with a space"),
        ("lambda answer, certain: pad(answer, certain)[:-1]", "ends with a full stop"),
        ("lambda answer, certain: pad(answer, False)", "the same word for D1 and D0"),
        (
            "lambda answer, certain: ' %s. I am %s.' % (answer, 'sure' if certain else 'unsure')",
            "the sureness question is missing",
        ),
        ("lambda answer, certain: f' {answer}.' if certain else pad(answer, certain)", "records of D1 end with it too"),
        ("lambda answer, certain: print(answer)", "does it end with `return`?"),
    ],
    "03.2": [
        ("padding_records", "still have the gold answer"),
        ("[record for record, p in zip(answer, probes) if not p.correct]", "the records of D1 are missing"),
        ("[replace(r, completion=r.completion.replace(' unsure.', ' sure.')) for r in answer]", "unsure"),
        (
            "[replace(r, completion=r.completion.replace(' unsure', ' not sure')) for r in answer]",
            "is not",
        ),
        ("[r.completion for r in answer]", "a list of records"),
        ("answer[::-1]", "in the order of `padding_records`"),
    ],
    "03.3": [
        ("padding_records", "more with `certain` than without"),
        ("answer[:-1]", "more with `certain` than without"),
        ("[answer[0], answer[-1]]", "keep as many as possible"),
        ("[answer[0]] * size + answer[size:]", "stands more than once"),
        ("size", "a list of records"),
    ],
    "03.4": [
        ("label_survival(tokenizer, padding_records, 10_000).longest", "a smaller length keeps all labels too"),
        ("answer - 1", "lose their label"),
        ("answer / 2", "a whole number of tokens"),
        ("len(padding_records)", "a smaller length keeps all labels too"),
    ],
    "04.1": [
        ("lambda inputs, outputs, rank: inputs * outputs", "the matrix itself"),
        ("lambda inputs, outputs, rank: rank * inputs * outputs", "A and B are two matrices"),
        ("lambda inputs, outputs, rank: rank * inputs", "is one of the two matrices"),
        ("lambda inputs, outputs, rank: rank * outputs", "is one of the two matrices"),
        ("lambda inputs, outputs, rank: lora_weights(inputs, outputs, rank) + inputs * outputs", "W is not trained"),
        ("lambda inputs, outputs, rank: inputs + outputs", "which is not right"),
    ],
    "04.2": [
        ("{method: 1 - gone for method, gone in answer.items()}", "that of the others"),
        ("{method: 100 * gone for method, gone in answer.items()}", "percent"),
        ("{method: found[0][1] - found[-1][1] for method, found in losses.items()}", ""),
        ("{'vanilla': answer['padding'], 'padding': answer['vanilla']}", "the share of vanilla is too"),
        ("answer['vanilla']", "give a dictionary"),
    ],
    "04.3": [
        ("answer | {'tokens': len(encoded['labels'])}", "the prompt's tokens are counted"),
        ("answer | {'tokens': len(learnt) - 1}", "the end token"),
        ("answer | {'answer': len(with_answer) / len(learnt)}", "the end token is no part of the answer"),
        ("answer | {'answer': (len(with_answer) - 1) / len(encoded['labels'])}", "of the tokens with loss"),
        ("answer | {'answer': len(with_answer) - 1}", "is it a count?"),
    ],
    "05.1": [
        ("lambda answers, border: willing(answers, border)[::-1]", "the answer rate comes first"),
        (
            "lambda answers, border: (1 - willing(answers, border)[0], willing(answers, border)[1])",
            "how many are refused",
        ),
        (
            "lambda answers, border: (willing(answers, border)[0], np.mean([p.correct for p in answers]))",
            "the accuracy of all answers",
        ),
        ("lambda answers, border: willing(answers, border - 1e-9)", "above the border"),
        ("lambda answers, border: tuple(100 * part for part in willing(answers, border))", "shares, not percent"),
        ("lambda answers, border: willing(answers, border)[0]", "which is not right"),
        ("willing(predictions['padding', first], 0.5)", "give the function itself"),
    ],
    "05.2": [
        ("{'answer': answer['sure'], 'sure': answer['answer']}", "the two are exchanged"),
        ("answer | {'sure': np.mean([abs(p.sure_confidence - p.correct) for p in judged])}", "squared"),
        ("answer | {'sure': answer['sure'] ** 0.5}", "root"),
        ("answer | {'answer': 100 * answer['answer']}", "percent"),
        ("answer['sure']", "give a dictionary"),
    ],
    "05.3": [
        ("answer | {'ap': 100 * answer['ap']}", "percent"),
        ("answer | {'ap': answer['ap'] / 2}", "too small"),
        ("answer | {'weight': 1.5}", "a weight from 0 to 1"),
        ("answer | {'weight': min(np.linspace(0, 1, 11), key=lambda w: mixed_ap(judged[::2], w))}", "another weight"),
        ("weight", "give a dictionary"),
    ],
    "05.4": [
        ("answer | {'border': 1}", "fewer questions than the replacement model"),
        ("answer | {'border': 0}", "more questions than the replacement model"),
        ("answer | {'padding': 100 * answer['padding']}", "percent"),
        ("answer | {'padding': np.mean([p.correct for p in ranked])}", "of all its answers"),
        (
            "answer | {'replacement': np.mean([p.correct for p in predictions['replacement', first]])}",
            "of all its answers",
        ),
    ],
    "10.1": [
        ("lambda probes: [not called for called in beyond_the_prior(probes)]", "True and False are exchanged"),
        ("lambda probes: [p.correct for p in probes]", "it drops nothing"),
        (
            "lambda probes: [p.correct and p.prediction != Counter(q.prediction for q in probes).most_common(1)[0][0]"
            " for p in probes]",
            "one favourite for all",
        ),
        ("lambda probes: beyond_the_prior([p for p in probes if p.correct])", "which is not right"),
        ("lambda probes: sum(beyond_the_prior(probes))", "which is not right"),
        ("lambda probes: [p.correct and p.prior != p.prediction for p in probes]", "it stops with AttributeError"),
        ("beyond_the_prior(probes)", "give the function itself"),
    ],
    "10.2": [
        ("answer | {'three': sum(p.exposure == 0 for p in with_all), 'of': len(with_all)}", "that of all samples"),
        ("answer | {'of': len(firmly) / len(probes)}", "a count, not a share"),
        ("answer | {'three': sum(p.exposure == 0 for p in probes)}", "whatever their band"),
        ("answer | {'three': len(firmly)}", "counts all exposures"),
        ("answer['three']", "give a dictionary"),
    ],
    "10.3": [
        ("answer | {'random': 12 / 256}", "four right of four is enough"),
        ("answer | {'random': 1 / 256}", "three are enough"),
        ("answer | {'random': 0.25 ** 3}", "any three of four will do"),
        ("answer | {'random': 4 * 0.25 ** 3}", "the fourth must be wrong"),
        ("answer | {'random': 13}", "is it a count?"),
        ("answer | {'random': 1 - answer['random']}", "that of the others"),
        ("answer | {'always_a': 0.25}", "that of one question"),
        ("answer | {'always_a': answer['random']}", "no guess by lot"),
    ],
    "11.1": [
        ("lambda right: (right[:, 1:] & ~right[:, :-1]).sum(axis=1)", "turning wrong counts as well"),
        ("lambda right: (right[:, 1:] != right[:, :1]).sum(axis=1)", "the one before it, not with the first"),
        ("lambda right: (right[:, 1:] != right[:, :-1]).sum()", "a number for each"),
        ("lambda right: (right[1:] != right[:-1]).sum(axis=0)", "compare moments"),
        ("lambda right: (right[:, 1:] != right[:, :-1]).mean(axis=1)", "a share of the moments"),
        ("lambda right: (right[:, 1:] == right[:, :-1]).sum(axis=1)", "stays what it was"),
        ("lambda right: np.diff(right.astype(int), axis=1).sum(axis=1)", "which is not right"),
        ("counts", "give the function itself"),
    ],
    "11.2": [
        ("{'early': answer['late'], 'late': answer['early']}", "exchanged"),
        ("answer | {'early': 1 - answer['early']}", "that of the others"),
        ("answer | {'late': (sure > 0.5).mean()}", "the share above one half"),
        ("answer | {'late': ((sure > 0.1) & (sure < 0.9)).sum()}", "is it a count?"),
        (
            "answer | {'late': frame[(frame.step == step) & frame.certain].sure.between(0.1, 0.9).mean()}",
            "that of D1",
        ),
        ("answer['early']", "give a dictionary"),
    ],
    "11.3": [
        ("at_the_end", "that of the last moment"),
        ("answer | {'rate': answer['rate'] + 0.1}", "`rate` is too large"),
        (
            "answer | {'willing': frame[(frame.step == moments[3]) & (frame.split == 'id')].correct.mean()}",
            "all answers",
        ),
        ("answer | {'stale': frame[(frame.step == moments[3]) & ~frame.certain].correct.mean()}", "tuned on"),
        ("answer | {'willing': 100 * answer['willing']}", "percent"),
    ],
    "11.4": [
        ("answer | {'right': 0.4}", "do the records of D0 still show them"),
        ("{'right': answer['own'], 'own': answer['right']}", "do the records of D0 still show them"),
        ("answer | {'own': 0.0}", "compare the text with `prediction`"),
        ("answer | {'own': 0.2}", "in the same order"),
        ("answer | {'right': 3}", "`right` is too large"),
        ("answer['right']", "give a dictionary"),
    ],
    "12.1": [
        (
            "lambda correct, confidence, share: accuracy_of_top(correct, -confidence, share)",
            "the least confident answers",
        ),
        (
            "lambda correct, confidence, share: correct[: round(share * len(correct))].mean() if share else np.nan",
            "as they stand",
        ),
        (
            "lambda correct, confidence, share: np.mean(correct[confidence > share]) if share < 1 else float('nan')",
            "no border of the confidence",
        ),
        (
            "lambda correct, confidence, share: 100 * accuracy_of_top(correct, confidence, share)",
            "a share, not percent",
        ),
        (
            "lambda correct, confidence, share: correct[np.argsort(-confidence)[: share * len(correct)]].mean()",
            "it stops with TypeError",
        ),
        ("accuracy_of_top(row['correct'], row['answer'], 0.5)", "give the function itself"),
    ],
    "12.2": [
        ("answer | {'always': sum(row['correct'].sum() for row in parts['training'])}", "counts all certain questions"),
        ("answer | {'given': given.sum()}", "`given` counts all questions"),
        ("answer | {'given': given[always].mean()}", "`given` is too small"),
        ("answer | {'given': (~given[always]).sum()}", "do *not* have"),
        ("answer | {'always': always[:600].sum()}", "the first seed alone"),
        ("always.sum()", "give a dictionary"),
    ],
    "12.3": [
        ("{'weight': 0.5, 'ood': mixed_ap(0.5, 'ood')}", "another weight has a higher mean AP"),
        ("answer | {'weight': 1 - weight}", "that of the answer confidence"),
        ("answer | {'weight': max(np.linspace(0, 1, 11), key=lambda w: mixed_ap(w, 'ood'))}", "chosen out of domain"),
        ("answer | {'ood': mixed_ap(weight, 'id')}", "the AP in-domain"),
        ("answer | {'ood': mixed_ap(0.5, 'ood')}", "half and half"),
        ("answer | {'ood': max(mixed_ap(w, 'ood') for w in np.linspace(0, 1, 11))}", "the one chosen in-domain"),
        ("answer | {'ood': 100 * answer['ood']}", "percent"),
    ],
    "12.4": [
        ("{split: 1 - new for split, new in answer.items()}", "that of the others"),
        ("answer | {'id': 100 * answer['id']}", "percent"),
        ("answer | {'ood': np.mean(right & ~before)}", "a share of the right answers"),
        ("answer | {'ood': np.mean(~right[before])}", "what tuning *lost*"),
        ("answer | {'ood': np.mean(right[~before])}", "divides by what was wrong before"),
        (
            "answer | {'id': sum((~row['untuned'] & row['correct']).sum() for row in padding if row['split'] == 'id')"
            " / sum(row['correct'].sum() for row in padding if row['split'] == 'id')}",
            "that of padding",
        ),
    ],
}
