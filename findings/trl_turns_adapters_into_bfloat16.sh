#!/usr/bin/env bash
# trl 1.16.0, peft 0.21.2, bitsandbytes 0.50.2, transformers 5.23.0, torch 2.13.0: making an SFTTrainer of a model in 4 bits turns the
# weights of its LoRA adapter into bfloat16, also where everything was asked for in float32 (bf16=False, fp16=False, compute dtype float32).
# Expected: the trainer trains the weights in the type that they were given in; peft alone keeps them in float32.
# Seen:
#   adapter before: torch.float32
#   adapter after:  torch.bfloat16
# On a CPU without native bfloat16 this is also slow, and steps smaller than 2^-8 of a weight are lost.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 bitsandbytes==0.50.2 peft==0.21.2 \
  transformers==5.23.0 accelerate==1.15.0 trl==1.16.0
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - "$work" <<'PY' 2>/dev/null
import sys

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
LlamaForCausalLM(LlamaConfig(vocab_size=64, **sizes)).save_pretrained(f"{sys.argv[1]}/base")
four_bit = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
model = AutoModelForCausalLM.from_pretrained(
    f"{sys.argv[1]}/base", quantization_config=four_bit, device_map={"": "cpu"}, dtype=torch.float32
)
model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
model = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))


def types():
    return " ".join(sorted({str(weight.dtype) for weight in model.parameters() if weight.requires_grad}))


core = Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1, "word": 2}, unk_token="<pad>"))
core.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<eos>")
rows = Dataset.from_list([{"input_ids": [2, 2, 1], "labels": [2, 2, 1]}] * 4)
before = types()
SFTTrainer(
    model=model,
    args=SFTConfig(output_dir=f"{sys.argv[1]}/out", bf16=False, fp16=False, use_cpu=True, report_to="none"),
    train_dataset=rows,
    processing_class=tokenizer,
)
print("adapter before:", before)
print("adapter after: ", types())
sys.exit(0 if (before, types()) == ("torch.float32", "torch.bfloat16") else 1)
PY
