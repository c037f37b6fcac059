"""Task 6a of 1997: the order of two symbols that stand far apart among others."""

from experiments.lstm1997 import beside_simple

CLAIM = beside_simple(
    key="B-H12",
    headline="H5",
    sentence="The LSTM of 1997 learns in which order two symbols came among a hundred others (task 6a): it has at most "
    "3 of 2560 test sequences wrong, after about as many sequences as the paper's; a simple recurrent network trained "
    "as long does not.",
    table="Table 9",
    trials=20,
    updates=31390,
    number="eval/sequence_accuracy",
    loss="half of the squared error",
    outputs="The read-out is drawn from +-1/sqrt(width) and has biases. Task 6b, three symbols, has its preset "
    "(hochreiter1997_task6b) and is not judged.",
    timed=True,
)
