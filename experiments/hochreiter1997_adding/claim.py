"""The adding problem of 1997 at T = 100: real numbers kept over 50 steps and more."""

from experiments.lstm1997 import beside_simple

CLAIM = beside_simple(
    key="B-H10",
    headline="H4",
    sentence="At T = 100 the LSTM of 1997 learns the adding problem: trained until 2000 sequences in a row are right, "
    "it has at most 3 of 2560 test sequences wrong; a simple recurrent network trained as long does not.",
    table="Table 7",
    trials=10,
    updates=74000,
    number="eval/within",
    loss="squared error",
    outputs="The read-out is linear, where the paper has a logistic output; the loss is twice its squared error.",
    timed=False,
)
