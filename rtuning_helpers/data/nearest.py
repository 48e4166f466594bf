"""Which questions are nearest to a text in their words."""

from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer

from rtuning_helpers.data.questions import Question


def nearest_questions(text: str, questions: Sequence[Question], count: int) -> list[tuple[Question, float]]:
    """The questions with the most similar words, rare words counting more, the nearest first.

    Args:
        text: Anything.
        questions: To look among.
        count: How many at most; those that share no word with the text are left out.

    Returns:
        Pairs of a question and its similarity, the cosine of the two TF-IDF vectors (0 to 1).
    """
    words = TfidfVectorizer(token_pattern=r"\w+")
    similarities = (words.fit_transform([q.question for q in questions]) @ words.transform([text]).T).toarray()[:, 0]
    order = (-similarities).argsort(kind="stable")[:count]
    return [(questions[i], float(similarities[i])) for i in order if similarities[i] > 0]
