"""Save a Hugging Face model, and load it without the hub. Its weights are random, and few.

Run it: pip install transformers torch && python examples/hugging_face.py
"""

from __future__ import annotations

import torch
from transformers import BertConfig, BertForSequenceClassification
from transformers.utils.logging import disable_progress_bar

import lading

disable_progress_bar()
config = BertConfig(
    vocab_size=8,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=8,
    id2label={0: "refused", 1: "granted"},
    label2id={"refused": 0, "granted": 1},
)
torch.manual_seed(7)
model = BertForSequenceClassification(config).eval()
lading.save(model, "examples/bert:1.0.0")

loaded = lading.load("examples/bert:1.0.0")
tokens = torch.tensor([[2, 3, 4]])
with torch.no_grad():
    # The weights are equal to the bit; where they lie in memory may change the last digit of a sum.
    same = torch.allclose(model(tokens).logits, loaded.model(tokens).logits)
print(type(loaded.model).__name__, "answers the same:", same)
print("labels", *loaded.model.config.id2label.values())
if facts := loaded.document.facts:
    print("parameters", facts.parameters)
