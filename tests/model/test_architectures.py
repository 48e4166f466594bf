"""Every architecture reads a batch as it reads each text alone, or is refused.

The models are tiny, with random weights; windows and chunks are shorter than the texts.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from rtuning_helpers.data import prompts
from rtuning_helpers.data.questions import Question
from rtuning_helpers.errors import InputError
from rtuning_helpers.model.decoding import answer_prompts, draw_answers
from rtuning_helpers.model.hidden_states import hidden_states
from rtuning_helpers.model.labels import label_probabilities
from rtuning_helpers.model.language_model import LanguageModel
from rtuning_helpers.model.options import choose_options
from rtuning_helpers.model.readers import call
from rtuning_helpers.probe.uncertainty import perplexities
from rtuning_helpers.tuning.batches import left_padded
from rtuning_helpers.tuning.shared_beginning import is_read_alike, shared_tokens
from rtuning_helpers.tuning.trainer import LabelTrainer

CLOSE = 1e-4
SIZES = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 128, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128, "n_inner": 48}
WINDOW = {"sliding_window": 8}
MIXED = {"layer_types": ["sliding_attention", "full_attention"], **WINDOW}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}
MLA = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
ROUTED = {"n_routed_experts": 4, "n_shared_experts": 1, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1}
DELTA = {
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention"], "head_dim": 8,
}  # fmt: skip
MAMBA = {"mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_n_groups": 1, "mamba_chunk_size": 8}

GPT_NEO = {"num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]}
LONG_ROPE = {
    "rope_parameters": {
        "rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 4, "long_factor": [9.0] * 4, "factor": 4.0
    }
}  # fmt: skip

ARCHITECTURES = {
    # every layer keeps all keys and values, distances from the mask or the positions
    "llama": {}, "qwen2": {}, "qwen3": {"head_dim": 8}, "phi": {}, "olmo2": {}, "gpt2": {}, "gptj": {"rotary_dim": 8},
    "gpt_neox": {}, "gpt_bigcode": {}, "codegen": {"rotary_dim": 8}, "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "bloom": {}, "falcon": {"alibi": True}, "granite": {}, "smollm3": {}, "glm4": {"head_dim": 8}, "apertus": {},
    "ernie4_5": {"head_dim": 8}, "hunyuan_v1_dense": {"head_dim": 8}, "stablelm": {}, "biogpt": {}, "xglm": {
        "d_model": 32, "ffn_dim": 48, "num_layers": 2, "attention_heads": 4},
    "ctrl": {"dff": 48}, "nemotron": {}, "cohere": {}, "nanochat": {}, "bert": {"is_decoder": True},
    "mixtral": {"num_local_experts": 4}, "olmoe": {"num_experts": 4, **EXPERTS},
    "qwen3_moe": {"num_experts": 4, **EXPERTS},
    "deepseek_v3": {**MLA, **ROUTED, **EXPERTS, "num_key_value_heads": 4},
    "glm4_moe": {**ROUTED, **EXPERTS, "head_dim": 8},
    # windows and chunks
    "mistral": WINDOW, "gemma2": {**WINDOW, "head_dim": 8}, "gemma3_text": {**MIXED, "head_dim": 8}, "olmo3": MIXED,
    "gpt_oss": {**MIXED, "num_local_experts": 4, "head_dim": 8}, "starcoder2": WINDOW, "exaone4": MIXED,
    "cohere2": MIXED, "phi3": WINDOW,
    "llama4_text": {
        "attention_chunk_size": 8, "num_local_experts": 2, "intermediate_size_mlp": 48, "head_dim": 8,
        "layer_types": ["chunked_attention", "full_attention"]},
    "gemma3n_text": {
        **MIXED, "num_hidden_layers": 4, "layer_types": ["sliding_attention", "full_attention"] * 2, "head_dim": 8,
        "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 64, "num_kv_shared_layers": 2,
        "laurel_rank": 4, "altup_num_inputs": 2},
    "gpt_neo": GPT_NEO | {"window_size": 8},
    # distances by place in the cache
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 128},
    # positions that depend on how much is read
    "phi3, long rope": LONG_ROPE | {"original_max_position_embeddings": 16},
    "phi3, longer rope": LONG_ROPE | {"original_max_position_embeddings": 32},
    # a window that cannot be narrowed to look at what it does
    "gpt_neo, wide": GPT_NEO | {"window_size": 32},
    # convolutions and states
    "lfm2": {"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False},
    "falcon_h1": {**MAMBA, "mamba_d_ssm": 64, "head_dim": 8}, "bamba": {**MAMBA, "attn_layer_indices": [1]},
    "granitemoehybrid": {
        **MAMBA, "layer_types": ["mamba", "attention"], "num_local_experts": 2, "shared_intermediate_size": 48},
    "qwen3_next": {**DELTA, **EXPERTS, "num_experts": 4, "shared_expert_intermediate_size": 16},
    "qwen3_5_text": DELTA, "olmo_hybrid": DELTA,
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "num_experts": 2, "use_mamba_kernels": False},
    "nemotron_h": {
        **MAMBA, "layers_block_type": ["mamba", "attention"], "mamba_num_heads": 4, "mamba_head_dim": 16, "head_dim": 8,
        "ssm_state_size": 8, "n_groups": 1, "chunk_size": 8},
    "minimax": {
        "layer_types": ["linear_attention", "full_attention"], "num_local_experts": 2, "block_size": 8, "head_dim": 8},
    "mamba": {"state_size": 8, "time_step_rank": 4},
    "mamba2": {"num_heads": 4, "head_dim": 16, "state_size": 8, "n_groups": 1, "chunk_size": 8},
    "falcon_mamba": {"state_size": 8, "time_step_rank": 4}, "rwkv": {"attention_hidden_size": 32},
    "recurrent_gemma": {"lru_width": 32, "attention_window_size": 8, "num_hidden_layers": 3}, "openai-gpt": {},
    # decoders of encoder-decoders
    "bart": {"d_model": 32, "decoder_layers": 2, "decoder_attention_heads": 4, "decoder_ffn_dim": 48},
    "roberta": {"is_decoder": True},
}  # fmt: skip
WITH_ITS_OWN_CACHE = [
    *("lfm2", "falcon_h1", "granitemoehybrid", "qwen3_next", "qwen3_5_text", "olmo_hybrid", "jamba", "nemotron_h"),
    *("mamba", "mamba2", "falcon_mamba", "bart", "roberta", "bamba", "minimax"),
]
LIMITED = {"phi3, longer rope": 32, "gpt_neo, wide": 32}  # tokens
ANEW = ["phi3, long rope", "rwkv", "recurrent_gemma", "openai-gpt"]
REFUSED = {
    "bert": {"is_decoder": False},
    "xlnet": {"max_position_embeddings": None, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48},
    "cpmant": {"dim_head": 8, "dim_ff": 48, "prompt_length": 4},
}
READ_ONCE = [
    *("llama", "qwen2", "qwen3", "olmo2", "smollm3", "granite", "mixtral", "deepseek_v3", "bloom", "phi3, long rope")
]
assert len(ARCHITECTURES) >= 40

SURENESS = (" very sure", " not sure")  # two tokens each
OPTIONS = [" A", " B", " C D"]
QUESTIONS = [
    Question(id=f"q{i}", dataset="d", split="id", question=text, answer="red", relation="r")
    for i, text in enumerate([
        "one two?", "one two three four five six seven?", "red?", "six five four three two one red green blue?",
        "what is red and what is not red and what is green?",
    ])
]  # fmt: skip
ASKED = [prompts.question_prompt(q.question) for q in QUESTIONS]
# Two beginnings that several prompts share, and prompts without.
SHOTS = [f"{' '.join(words * 3)}. {ASKED[1]} two." for words in (["one", "red", "two"], ["six", "not", "blue"])]
BEGUN = [*(f"{SHOTS[0]} {a}" for a in ASKED[:3]), *ASKED[:2], *(f"{SHOTS[1]} {a}" for a in ASKED[1:3])]


@pytest.fixture(scope="module")
def tokenizer():
    """Words, a third of which end an answer."""
    words = sorted({w for text in [*ASKED, *OPTIONS, *SURENESS, prompts.SURENESS_QUESTION] for w in text.split()})
    ends = [f"{word}." for word in "one two three four five six red green blue not very".split()]
    vocabulary = {word: i for i, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *words, *ends])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.decoder = decoders.WordPiece(prefix="##", cleanup=False)
    made = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>", unk_token="<unk>", pad_token="<pad>")
    assert len(made) <= 64
    return made


def random_model(name: str, settings: dict, vocabulary: int, std: float = 0.2):
    """A small model, with larger weights than at the start of a training, so that places matter."""
    kind = name.partition(",")[0]
    given = {"vocab_size": vocabulary, **SIZES, **settings}
    config = AutoConfig.for_model(kind, **{key: value for key, value in given.items() if value is not None})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, (torch.nn.Linear, torch.nn.Embedding)):
                part.weight.normal_(std=std)
    return model


@pytest.fixture
def lm(request, tokenizer):
    name, settings = request.param
    return LanguageModel(random_model(name, settings, 64), tokenizer, name, "0")


class Alone:
    """Everything by reading one text at a time, whole, without cache or padding."""

    def __init__(self, lm):
        self.lm = lm

    @torch.inference_mode()
    def logits(self, ids):
        return call(self.lm.model, torch.tensor([ids]), use_cache=False).logits[0].double()

    def ids(self, text):
        return self.lm.tokenizer(text)["input_ids"]

    def chances(self, ids):
        return torch.softmax(self.logits(ids)[-1], dim=-1)

    def score(self, context, label):
        base, whole = self.ids(context), self.ids(context + label)
        scores = torch.log_softmax(self.logits(whole)[:-1], dim=-1)
        return sum(scores[i - 1, whole[i]].item() for i in range(len(base), len(whole)))

    def shares(self, context, labels):
        scores = np.array([self.score(context, label) for label in labels])
        return np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()

    @torch.inference_mode()
    def hidden_state(self, text, layer):
        tokens = torch.tensor([self.ids(text)])
        states = call(self.lm.model, tokens, use_cache=False, output_hidden_states=True).hidden_states[layer]
        return states[..., -1, :].flatten().numpy()  # of several streams, one after the other

    def perplexity(self, text):
        ids = self.ids(text)
        scores = torch.log_softmax(self.logits(ids)[:-1], dim=-1)
        return math.exp(-scores.gather(1, torch.tensor(ids[1:])[:, None]).mean())

    def greedy(self, prompt, max_new_tokens):
        """Text, and probabilities and entropies of the kept tokens."""
        ids, new, kept = self.ids(prompt), [], []
        stops = set(self.lm.stop_token_ids.tolist())
        for _ in range(max_new_tokens):
            chances = self.chances(ids + new)
            new.append(int(chances.argmax()))
            kept.append((chances.max().item(), -(chances * chances.log()).nansum().item()))
            if new[-1] in stops:
                break
        text = self.lm.tokenizer.decode(new, skip_special_tokens=True).partition(".")[0].strip()
        return text, kept[:-1] if new[-1] in stops and len(new) > 1 else kept


def compare(lm):
    """Everything in batches against everything alone."""
    alone, asked = Alone(lm), ASKED + BEGUN
    answers = answer_prompts(lm, asked, max_new_tokens=4, batch_size=4, sureness=SURENESS)
    drawn = draw_answers(lm, asked, k=2, temperature=1e-6, max_new_tokens=4, batch_size=4)
    for prompt, answer, samples in zip(asked, answers, drawn, strict=True):
        text, kept = alone.greedy(prompt, 4)
        for found in (answer, *samples):
            assert found.text == text
            assert found.token_probabilities == pytest.approx([p for p, _ in kept], abs=CLOSE)
            assert found.token_entropies == pytest.approx([h for _, h in kept], abs=CLOSE)
        sure = alone.shares(f"{prompt} {text}{prompts.sureness_suffix()}", SURENESS)[0]
        assert answer.sure_probability == pytest.approx(sure, abs=CLOSE)
    for prompt, chosen in zip(ASKED, choose_options(lm, ASKED, OPTIONS, batch_size=4, sureness=SURENESS), strict=True):
        shares = alone.shares(prompt, OPTIONS)
        assert chosen.text == OPTIONS[int(shares.argmax())].strip()
        assert chosen.confidence == pytest.approx(shares.max(), abs=CLOSE)
        sure = alone.shares(f"{prompt} {chosen.text}{prompts.sureness_suffix()}", SURENESS)[0]
        assert chosen.sure_probability == pytest.approx(sure, abs=CLOSE)
    found = label_probabilities(lm, BEGUN, SURENESS, batch_size=4)
    assert found == pytest.approx(np.array([alone.shares(prompt, SURENESS) for prompt in BEGUN]), abs=CLOSE)
    assert perplexities(lm, ASKED, batch_size=4) == pytest.approx([alone.perplexity(p) for p in ASKED], rel=CLOSE)
    for layer in (1, 2):
        states = hidden_states(lm, QUESTIONS, layer, batch_size=4)
        assert states == pytest.approx(np.array([alone.hidden_state(p, layer) for p in ASKED]), abs=CLOSE)


@pytest.mark.parametrize("lm", ARCHITECTURES.items(), ids=ARCHITECTURES, indirect=True)
def test_a_batch_is_read_as_each_text_alone(lm):
    compare(lm)
    assert lm.cache_kind.fits(32) == (lm.name not in WITH_ITS_OWN_CACHE + ANEW)
    assert lm.cache_kind.limit == LIMITED.get(lm.name)
    assert lm.cache_kind.own or lm.name not in WITH_ITS_OWN_CACHE


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_shared_beginning_is_read_once_where_that_is_the_same(name):
    """Found out with two rows, and looked at with others, which are longer."""
    model = random_model(name, ARCHITECTURES[name], 64).train()
    beginning = list(range(3, 23))

    def rows(lengths):
        texts = [[5 + (7 * length + 3 * i) % 50 for i in range(length)] for length in lengths]
        return [{"input_ids": beginning + t, "labels": [-100] * (len(beginning + t) - 2) + t[-2:]} for t in texts]

    def loss_of(rows, once):
        return LabelTrainer.compute_loss(None, model, left_padded(rows, 0, shared_tokens(rows) if once else 0))

    assert shared_tokens(rows([4, 9])) == len(beginning)
    alike = is_read_alike(model, lambda once: loss_of(rows([4, 9]), once))
    assert alike or name not in READ_ONCE
    if alike:
        whole, once = loss_of(rows([3, 12, 7]), False), loss_of(rows([3, 12, 7]), True)
        assert once.item() == pytest.approx(whole.item(), rel=1e-4)
        trained = list(model.parameters())
        found = [torch.autograd.grad(loss, trained, allow_unused=True) for loss in (whole, once)]
        for a, b in zip(*found, strict=True):
            assert a is None and b is None or torch.dist(a, b) <= 1e-3 * max(a.norm(), 1e-3)


@pytest.mark.parametrize("lm", REFUSED.items(), ids=REFUSED, indirect=True)
def test_what_is_no_causal_language_model_is_refused(lm):
    with pytest.raises(InputError, match=f"^parameter model {lm.name}: .*; expected a causal language model of text$"):
        answer_prompts(lm, ASKED)
