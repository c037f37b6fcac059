"""Settings of papers by name: `--preset=NAME` fills fields of a run, and whatever is said beside it wins.

A preset holds what a source prints of its task, network, optimiser and initial weights, as fields of a run
(`ltd.settings.Run`), and names what of it cannot be had here. It leaves no trace in a config: the same fields without
it are the same run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ltd.config import ConfigError, unknown


@dataclass(frozen=True)
class Preset:
    """Fields of a run, dotted, with their source, and where they depart from it."""

    source: str
    fields: Mapping[str, Any]
    departures: str

    def also(self, **fields: Any) -> Preset:
        """The same with further fields, or others; __ stands for the dot of a name."""
        own = {name.replace("__", "."): value for name, value in fields.items()}
        return replace(self, fields={**self.fields, **own})


HS97 = "Hochreiter & Schmidhuber (1997), Neural Computation 9(8), 1735-1780"
PASCANU = "Pascanu, Mikolov & Bengio (2013), arXiv 1211.5063, with its code"
ARJOVSKY = "Arjovsky, Shah & Bengio (2016), arXiv 1511.06464, with its code"
TALLEC = "Tallec & Ollivier (2018), arXiv 1804.11188"

ONLINE = {
    "cell.type": "lstm1997",
    "gradient.type": "hs97",
    "optimizer.type": "sgd",
    "train.batch": 1,
    "train.eval_every": 1000,
}
READOUT = (
    "The read-out is drawn from +-1/sqrt(width) and has biases. The success rule is looked at every 1000 sequences; "
    "where the paper gives no bound, the number of updates is ours."
)
LINEAR = f"The output is linear and the loss twice the paper's squared error, where its output is logistic. {READOUT}"
FRESH = f"{READOUT} Strings are fresh ones, not 256 for training and 256 for the test."


def _hs97(where: str, departures: str = LINEAR, **fields: Any) -> Preset:
    return Preset(f"{HS97}, {where}", ONLINE, departures).also(**fields)


def _hs97_classes(where: str, departures: str = READOUT, **fields: Any) -> Preset:
    """With the paper's logistic outputs and its loss: at its rates a softmax is another experiment."""
    return _hs97(where, departures, task__logistic=True, **fields)


def _srn(below: Preset, what: str, departures: str = LINEAR, **fields: Any) -> Preset:
    """The simple recurrent network that a task of HS97 is beside: ten logistic units, online, in place of the LSTM."""
    kept = {name: value for name, value in below.fields.items() if name.split(".")[0] not in ("cell", "gradient")}
    cell = {"cell.type": "elman", "cell.hidden": 10, "cell.activation": "logistic"}
    return Preset(f"{below.source}: {what}", {**kept, **cell}, departures).also(**fields)


def _pascanu(init: str, activation: str, weights: str) -> Preset:
    fields = {
        "task.type": "temporal_order/pascanu2013",
        "task.length": 50,
        "cell.type": "elman",
        "cell.hidden": 50,
        "cell.activation": activation,
        "cell.init": f"pascanu2013_{init}",
        "optimizer.type": "sgd",
        "optimizer.learning_rate": 0.01,
        "optimizer.clip_norm": 1.0,
        "optimizer.nonfinite": "pascanu2013",
        "regularizer.omega": 4.0,
        "train.batch": 20,
        "train.steps": 5_000_000,
        "train.eval_every": 2000,
        "train.eval_batch": 1000,
    }
    return Preset(
        f"{PASCANU}: MSGD-CR",
        fields,
        f"Input weights and read-out are drawn from +-1/sqrt(fan-in), not {weights}. MSGD-C: --regularizer.omega=null; "
        "MSGD: --optimizer.clip_norm=null too. Lengths: --task.length=200 --train.curriculum=uniform "
        "--train.shortest=50.",
    )


ARJOVSKY_COPY = Preset(
    ARJOVSKY,
    {
        "task.type": "copy/arjovsky2016",
        "task.gap": 100,
        "optimizer.type": "rmsprop",
        "optimizer.learning_rate": 1e-3,
        "optimizer.decay": 0.9,
        "train.batch": 20,
        "train.steps": 20_000,
        "train.eval_every": 200,
    },
    "Weights that the paper does not start in a way of its own are drawn as the cell draws them.",
)


TALLEC_CHRONO = Preset(
    f"{TALLEC}: chrono",
    {
        "cell.type": "lstm",
        "cell.hidden": 128,
        "optimizer.type": "rmsprop",
        "optimizer.learning_rate": 1e-3,
        "optimizer.decay": 0.9,
        "train.eval_every": 100,
    },
    "The batch is ours. Without chrono: --cell.chrono=null, which leaves the paper's forget bias of 1.",
)


GERS_CELL = (
    "Eight cells with gates of their own, not four blocks of two; no negative biases of input and output gates; tanh; "
    "the read-out sees the cells alone."
)
GERS_STREAM = (
    "Every stream has 10,000 symbols (the paper: it ends at the first error, or after a million), and there are 300."
)
GERS = Preset(
    "Gers, Schmidhuber & Cummins (2000), Neural Computation 12(10), 2451-2471; second-hand",
    {
        "task.type": "reber/continual_gers2000",
        "task.length": 10_000,
        "task.logistic": True,
        "cell.type": "lstm",
        "cell.hidden": 8,
        "cell.init": "gers2000",
        "gradient.type": "hs97",
        "gradient.online": True,
        "optimizer.type": "sgd",
        "optimizer.learning_rate": 0.5,
        "train.batch": 1,
        "train.steps": 300,
        "train.eval_every": 10,
        "train.eval_batch": 10,
    },
    f"{GERS_CELL} Forget biases are 1, not 0.5 to 2 by block. {GERS_STREAM}",
)
GERS_OLD = replace(
    GERS.also(cell__forget_gate=False),
    source=f"{GERS.source}: the cell without forget gates",
    departures=f"{GERS_CELL} {GERS_STREAM}",
)


SRIVASTAVA = Preset(
    "Srivastava, Greff & Schmidhuber (2015), Highway networks, arXiv 1505.00387; second-hand",
    {
        "task.type": "digits8/whole",
        "net.hidden": 50,
        "net.activation": "tanh",
        "net.depth": 10,
        "optimizer.type": "adam",
        "optimizer.learning_rate": 3e-3,
        "train.batch": 32,
        "train.steps": 1000,
        "train.eval_every": 100,
        "train.eval_batch": 500,
    },
    "Images, width and optimiser are ours. The paper draws the bias of the gates from -1 to -10; here -2 or -5.",
)


HENAFF = Preset(
    "Henaff, Szlam & LeCun (2016), Recurrent orthogonal networks and long-memory tasks, arXiv 1602.06662; second-hand",
    {
        "cell.type": "lt_rnn",
        "cell.hidden": 128,
        "cell.activation": "relu",
        "optimizer.type": "adam",
        "optimizer.learning_rate": 1e-3,
        "optimizer.clip_norm": 1.0,
        "train.batch": 20,
        "train.steps": 10_000,
        "train.eval_every": 200,
    },
    "Starts as a rotation; as the identity: --cell.init=identity. The task and the transition are the paper's, "
    "size, optimiser and the rectifier of the input's share are ours.",
)


TALLEC_WARPS = Preset(
    f"{TALLEC}: time warps",
    {
        "task.type": "warp/tallec2018",
        "cell.hidden": 64,
        "optimizer.type": "rmsprop",
        "optimizer.learning_rate": 1e-3,
        "optimizer.decay": 0.9,
        "train.batch": 32,
        "train.steps": 4700,
        "train.eval_every": 100,
    },
    "Batches are fresh, 4700 of them for three passes over 50,000 sequences; the learning rate stays, where the "
    "paper halves it when the loss has not fallen for 100 batches; initial weights and time scales are ours.",
)


TASK3: dict[str, Any] = {
    "task__length": 100,
    "cell__hidden": 3,
    "cell__bias": "hidden",
    "cell__input_bias": "-1,-3,-5",
    "cell__output_bias": "-2,-4,-6",
    "cell__scale": 0.1,
}
HOCHREITER = {
    "hochreiter1997_task1": _hs97_classes(
        "task 1, the first row of Table 1",
        task__type="reber/embedded_hochreiter1997",
        cell__hidden=4,
        cell__output_bias="-1,-2,-3,-4",
        cell__scale=0.2,
        optimizer__learning_rate=0.1,
        train__steps=200_000,
        departures=FRESH,
    ),
    "hochreiter1997_task1_blocks": _hs97_classes(
        "task 1, the last row of LSTM in Table 1: three blocks of two cells",
        task__type="reber/embedded_hochreiter1997",
        cell__hidden=6,
        cell__block=2,
        cell__output_bias="-1,-2,-3",
        cell__scale=0.2,
        optimizer__learning_rate=0.5,
        train__steps=200_000,
        departures=FRESH,
    ),
    "hochreiter1997_task2a": _hs97_classes(
        "task 2a",
        task__type="long_lag/hochreiter1997_2a",
        task__length=100,
        cell__hidden=1,
        cell__connectivity="B",
        cell__bias="none",
        cell__scale=0.2,
        optimizer__learning_rate=1.0,
        train__steps=5_000_000,
        departures=f"{READOUT} The paper adds the cell with its input gate when the error stalls; here it is there at "
        "once.",
    ),
    "hochreiter1997_task2c": _hs97_classes(
        "task 2c, Table 3, q = p = 100",
        task__type="long_lag/hochreiter1997_2c",
        task__length=100,
        task__symbols=100,
        cell__hidden=2,
        cell__bias="none",
        cell__scale=0.2,
        optimizer__learning_rate=0.01,
        train__steps=5_000_000,
    ),
    "hochreiter1997_task3a": _hs97(
        "task 3a",
        task__type="two_sequence/hochreiter1997_3a",
        optimizer__learning_rate=1.0,
        train__steps=500_000,
        **TASK3,
    ),
    "hochreiter1997_task3c": _hs97(
        "task 3c",
        task__type="two_sequence/hochreiter1997_3c",
        optimizer__learning_rate=0.1,
        train__steps=1_000_000,
        **TASK3,
    ),
    "hochreiter1997_task4": _hs97(
        "task 4, Table 7, T = 100",
        task__type="adding/hochreiter1997",
        task__length=100,
        cell__hidden=4,
        cell__block=2,
        cell__bias="hidden",
        cell__input_bias="-3,-6",
        cell__scale=0.1,
        optimizer__learning_rate=0.5,
        train__steps=1_000_000,
    ),
    "hochreiter1997_task5": _hs97(
        "task 5, Table 8",
        task__type="multiplication/hochreiter1997",
        task__length=100,
        cell__hidden=4,
        cell__block=2,
        cell__bias="hidden",
        cell__scale=0.1,
        optimizer__learning_rate=0.1,
        train__steps=2_000_000,
    ),
    "hochreiter1997_task6a": _hs97_classes(
        "task 6a, Table 9",
        task__type="temporal_order/hochreiter1997_6a",
        cell__hidden=4,
        cell__block=2,
        cell__bias="hidden",
        cell__input_bias="-2,-4",
        cell__scale=0.1,
        optimizer__learning_rate=0.5,
        train__steps=500_000,
    ),
    "hochreiter1997_task6b": _hs97_classes(
        "task 6b, Table 9",
        task__type="temporal_order/hochreiter1997_6b",
        cell__hidden=6,
        cell__block=2,
        cell__bias="hidden",
        cell__input_bias="-2,-4,-6",
        cell__scale=0.1,
        optimizer__learning_rate=0.1,
        train__steps=2_000_000,
    ),
}
ELMAN_REBER = _srn(
    HOCHREITER["hochreiter1997_task1"],
    "Elman's procedure",
    f"{FRESH} Rate and initial weights are ours.",
    cell__hidden=15,
    gradient__type="elman",
)
PRESETS: dict[str, Preset] = {
    **HOCHREITER,
    "elman1990_reber": ELMAN_REBER,
    "elman1990_reber_bptt": _srn(
        HOCHREITER["hochreiter1997_task1"],
        "Elman's network with the whole gradient",
        f"{FRESH} Rate and initial weights are ours.",
        cell__hidden=15,
    ),
    "hochreiter1997_task1_online": HOCHREITER["hochreiter1997_task1"].also(gradient__online=True),
    "hochreiter1997_task1_blocks_online": HOCHREITER["hochreiter1997_task1_blocks"].also(gradient__online=True),
    "elman1990_reber_online": ELMAN_REBER.also(gradient__online=True),
    "hochreiter1997_task4_srn": _srn(
        HOCHREITER["hochreiter1997_task4"],
        "a simple recurrent network beside it",
        f"{LINEAR} The paper trains no such network; all of it but the task is ours.",
        optimizer__learning_rate=0.1,
    ),
    "hochreiter1997_task6a_srn": _srn(
        HOCHREITER["hochreiter1997_task6a"],
        "a simple recurrent network beside it",
        f"{READOUT} The paper trains no such network; all of it but the task is ours.",
        optimizer__learning_rate=0.1,
    ),
    "gers2000_continual_reber": GERS,
    "gers2000_continual_reber_old": GERS_OLD,
    "gers2000_reber_reset": replace(
        GERS_OLD.also(
            task__type="reber/embedded_hochreiter1997",
            task__length=50,
            train__steps=60_000,
            train__eval_every=2000,
            train__eval_batch=256,
        ),
        source=f"{GERS_OLD.source}, reset after every string",
        departures=f"{GERS_CELL} There are 60,000 strings.",
    ),
    "pascanu2013_sigmoid": _pascanu("sigmoid", "logistic", "N(0, 0.01)"),
    "pascanu2013_basic_tanh": _pascanu("basic_tanh", "tanh", "N(0, 0.1)"),
    "pascanu2013_smart_tanh": _pascanu("smart_tanh", "tanh", "N(0, 0.01)"),
    "arjovsky2016_copy_rnn": ARJOVSKY_COPY.also(cell__type="elman", cell__hidden=80, optimizer__clip_value=1.0),
    "arjovsky2016_copy_irnn": ARJOVSKY_COPY.also(cell__type="irnn", cell__hidden=80, optimizer__clip_value=1.0),
    "arjovsky2016_copy_lstm": ARJOVSKY_COPY.also(
        cell__type="lstm", cell__hidden=40, cell__forget_bias=1.0, optimizer__clip_value=1.0
    ),
    "arjovsky2016_copy_urnn": ARJOVSKY_COPY.also(cell__type="urnn", cell__hidden=128),
    "srivastava2015_plain": SRIVASTAVA.also(net__type="plain"),
    "srivastava2015_highway_2": SRIVASTAVA.also(net__type="highway", net__carry_bias=-2.0),
    "srivastava2015_highway_5": SRIVASTAVA.also(net__type="highway", net__carry_bias=-5.0),
    "tallec2018_copy": TALLEC_CHRONO.also(
        task__type="copy/arjovsky2016", task__gap=500, cell__chrono=750.0, train__steps=60_000
    ),
    "tallec2018_variable_copy": TALLEC_CHRONO.also(
        task__type="variable_copy/tallec2018", task__gap=500, cell__chrono=500.0, train__steps=100_000
    ),
    "tallec2018_adding": TALLEC_CHRONO.also(task__type="adding/arjovsky2016", task__length=200, cell__chrono=200.0),
    "henaff2016_copy": HENAFF.also(task__type="copy/arjovsky2016", task__gap=100),
    "henaff2016_adding": HENAFF.also(task__type="adding/arjovsky2016", task__length=100),
    "henaff2016_copy_short": HENAFF.also(task__type="copy/arjovsky2016", task__gap=50),  # half of the paper's lengths
    "henaff2016_adding_short": HENAFF.also(task__type="adding/arjovsky2016", task__length=50),
    "tallec2018_warp_rnn": TALLEC_WARPS.also(cell__type="elman"),
    "tallec2018_warp_leaky": TALLEC_WARPS.also(cell__type="leaky", cell__learned=True),
    "tallec2018_warp_gated": TALLEC_WARPS.also(
        cell__type="lstm", cell__coupled=True, cell__output_gate=False, cell__output_activation="linear"
    ),
    "karpathy2015": Preset(
        "Karpathy (2015), min-char-rnn, recalled, with the sizes of the character page: 64 units, 25 steps, 28 symbols",
        {
            "task.type": "chars/sonnets28",
            "task.length": 25,
            "cell.type": "elman",
            "cell.hidden": 64,
            "cell.init": "pascanu2013_sigmoid",  # N(0, 0.01), like all weights of the page
            "optimizer.type": "adagrad",
            "optimizer.learning_rate": 0.1,
            "optimizer.clip_value": 5.0,
            "train.batch": 1,
            "train.steps": 5000,
        },
        "Input weights and read-out are drawn from +-1/sqrt(fan-in), not N(0, 0.01). Each piece of text starts from "
        "the zero state; the page carries the state on. The loss is the mean over steps, there their sum.",
    ),
}


def filled(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Nested fields of a run with those of their `preset` below them.

    What is said beside a preset wins. A task, cell or net of another type takes no options of the preset's.

    Raises
        ConfigError  for a preset that does not exist.
    """
    said = {name: value for name, value in nested.items() if name != "preset"}
    if "preset" not in nested:
        return said
    name = nested["preset"]
    if name not in PRESETS:
        raise ConfigError(unknown("preset", name, PRESETS))
    merged: dict[str, Any] = {}
    for dotted, value in PRESETS[name].fields.items():
        group, field = dotted.split(".")
        merged.setdefault(group, {})[field] = value
    for group, value in said.items():
        below = merged.get(group)
        if below is None or value is None:
            merged[group] = value
            continue
        value = value if isinstance(value, Mapping) else {"type": value}
        other = group in ("task", "cell", "net") and value.get("type", below["type"]) != below["type"]
        merged[group] = dict(value) if other else {**below, **value}
    return merged
