"""The chat style: a question inside the turns that a tokenizer's chat template writes.

The template is rendered once, with marks in the place of the texts, so that a question's prompt is the same text as
`apply_chat_template` gives for it: as the user's turn, with the generation prompt, and with thinking off. Behind it the
answer, and every question about that answer, is one turn of the model, ended by the template's end-of-turn token.

A beginning-of-sequence token that the tokenizer puts before every text by itself is left out, so that it stands there
once. A template that writes today's date gets a fixed one: a prompt is the same tomorrow.
"""

from typing import Any, cast

from transformers import PreTrainedTokenizerBase

from rtuning_helpers.data.questions import Frame
from rtuning_helpers.errors import InputError

DATE = "26 Jul 2024"  # the date that Llama 3's template falls back to
_FIXED_DATE = f"{{% macro strftime_now(format) %}}{DATE}{{% endmacro %}}{{{{ '' }}}}"
_VARIABLES = {"enable_thinking": False, "thinking": False, "date_string": DATE}
_QUESTION, _ANSWER = "Xquestionx", "Xanswerx"  # marks without white space around them, which templates may strip


def chat_frame(tokenizer: PreTrainedTokenizerBase, name: str, system: str | None = None) -> Frame:
    """What the chat template puts around a question, between it and its answer, and behind that.

    Args:
        tokenizer: The model's tokenizer.
        name: What errors call the model.
        system: Text of the system's turn; without one, the template's own, if it has any.

    Raises:
        InputError: The tokenizer has no chat template, or one that no question and answer can be put into, or that
            knows no system text.
    """
    if tokenizer.chat_template is None:
        raise InputError(
            f"parameter style chat: the tokenizer of model {name} has no chat template; expected one in its "
            "tokenizer_config.json or chat_template.jinja, or another style, such as few-shot"
        )
    turns = [] if system is None else [{"role": "system", "content": system}]
    turns.append({"role": "user", "content": _QUESTION})
    try:
        prompt = _render(tokenizer, turns, add_generation_prompt=True)
        whole = _render(tokenizer, [*turns, {"role": "assistant", "content": _ANSWER}])
    except Exception as error:  # whatever a template, which is a program, makes of it
        what = "a question" if system is None else "a system text and a question"
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"parameter style chat: the chat template of model {name} does not take {what} ({reason}); expected "
            + ("another style" if system is None else "parameter system left out, or another style")
        ) from None
    if (
        prompt.count(_QUESTION) != 1
        or whole.count(_ANSWER) != 1
        or (system is not None and system.strip() not in prompt)
    ):
        raise InputError(
            f"parameter style chat: the chat template of model {name} does not show each text once; expected another "
            "style"
        )
    before, _, after = prompt.partition(_QUESTION)
    head, _, tail = whole.partition(_ANSWER)
    gap = head.removeprefix(prompt) if head.startswith(prompt) else ""
    if gap not in ("", " "):  # the rest of the header of the model's turn, such as a channel
        after, gap = after + gap, ""
    read, answered = (tokenizer(before + _QUESTION + after + text)["input_ids"] for text in ("", gap + _ANSWER))
    if answered[: len(read)] != read:
        raise InputError(
            f"parameter style chat: the tokenizer of model {name} merges the end of its chat template with the answer, "
            "so that a prompt has other tokens alone than before its answer; expected another style"
        )
    return Frame(before.removeprefix(_added_beginning(tokenizer)), after, gap, _first_special(tokenizer, tail))


def end_of_turn_ids(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Id of the token that ends a turn, where the tokenizer has a chat template that names one."""
    try:
        end = chat_frame(tokenizer, "").end
    except InputError:
        return frozenset()
    return frozenset([cast(int, tokenizer.convert_tokens_to_ids(end))] if end else [])


def _render(tokenizer: PreTrainedTokenizerBase, turns: list[dict[str, str]], **options: Any) -> str:
    template = tokenizer.get_chat_template()
    if "strftime_now" in template:
        template = _FIXED_DATE + template
    how: dict[str, Any] = {"chat_template": template, "tokenize": False, **_VARIABLES, **options}
    return cast(str, tokenizer.apply_chat_template(turns, **how))


def _added_beginning(tokenizer: PreTrainedTokenizerBase) -> str:
    """What the tokenizer puts before every text by itself, as text."""
    bare, whole = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (False, True))
    return cast(str, tokenizer.decode(whole[: len(whole) - len(bare)]))


def _first_special(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """The first special token of a text; "" without one."""
    special = set(tokenizer.all_special_ids) | {i for i, t in tokenizer.added_tokens_decoder.items() if t.special}
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return next((cast(str, tokenizer.convert_ids_to_tokens(i)) for i in ids if i in special), "")
