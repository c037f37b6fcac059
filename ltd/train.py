"""Training as a pure function of (traced config, key), in chunks of updates, on fresh data from the key.

A chunk is `eval_every` updates, then a check: the loss and metric on a fixed evaluation set, and the success rule on
fresh data. A lane that is solved (the rule held at two checks in a row) or diverged is frozen: its numbers stay.
`ltd.block` drives chunks of many lanes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import Array
from jax.sharding import Mesh, PartitionSpec

from ltd import config, feedback, gradients, online, optimizers, regularizers
from ltd.cells import cells_of, recurrent_blocks, width_of
from ltd.lengths import Curriculum, at, batch_of
from ltd.linalg import rho
from ltd.model import Model, make_model
from ltd.settings import Run
from ltd.streams import stream
from ltd.trees import disassemble, nbytes
from ltd.types import Curves, Levels, Success, Task
from ltd.unroll import reports, unroll

RUNNING, SOLVED, DIVERGED, IDLE = 0, 1, 2, 3  # idle: a place where no run stands
BLOWN = 1e4  # a loss above this many times the blind one has diverged
GAP = 0.1  # without a rule in the source: solved at this share of the way from the optimum to the memoryless loss
EVAL_SEED = 0x17D  # the evaluation set is the same for every seed


class State(NamedTuple):
    """One lane in training."""

    params: Any
    moments: Any
    update: Array  # updates done
    status: Array  # RUNNING, SOLVED or DIVERGED
    since: Array  # update at which it diverged, or was first solved
    solved: Array  # whether the rule has held at two checks in a row, ever
    held: Array  # whether the success rule held at the last check
    skipped: Array  # updates skipped because loss or gradient was not finite; online, moves


def success_rule(task: Task, eval_batch: int) -> Success:
    """The source's rule or, where the source has none, ours: nine tenths of the way from the memoryless loss to the
    optimum, on fresh sequences.
    """
    if task.success is not None:
        return task.success
    levels = task.levels()
    bound = levels.optimum.loss + GAP * (levels.memoryless - levels.optimum.loss)
    return Success(
        f"ltd: loss at most {bound:.4g}, within a tenth of the way from optimum to memoryless, on {eval_batch} fresh "
        "sequences",
        sequences=eval_batch,
        allowed=bound * eval_batch,
        counts=False,
    )


def unspread(settings: Run) -> str:
    """What in these settings keeps a batch on one device, or nothing."""
    if settings.plan.type == "newton":
        return "plan newton"
    if settings.gradient.online:
        return "gradient.online"
    return "gradient rtrl" if settings.gradient.type == "rtrl" else ""


def mesh_over(settings: Run, count: int) -> Mesh | None:
    """The devices that a batch is spread over; None for one."""
    if count == 1:
        return None
    there = jax.local_devices()
    if not 1 < count <= len(there):
        raise config.ConfigError(f"mesh = data:{count}: there are {len(there)} devices here, and it must name some.")
    if settings.train.batch % count:
        raise config.ConfigError(f"mesh = data:{count} must divide train.batch = {settings.train.batch}.")
    if refused := unspread(settings):
        raise config.ConfigError(f"mesh = data:{count} does not go with the {refused}: leave one of them out.")
    return Mesh(np.array(there[:count]), ("data",))


class Trainer:
    """The pure functions of one static config: `start(traced)`, `chunk(traced, state)`, and `train(traced)`.

    With `mesh` above 1 every batch that so many devices divide is spread over them: each unrolls its share, and the
    gradients of the weights are added up once. The numbers are those of one device, to rounding; what is random while
    training (a noisy start, dropout) is drawn anew on each.

    Raises
        ConfigError  where there are not so many devices, or they do not divide `train.batch`; under the plan newton,
                     whose reports do not leave a device, and the gradients rtrl and online, which go by another road.
    """

    def __init__(self, settings: Run, task: Task, mesh: int = 1):
        self.settings, self.task = settings, task
        self.mesh = mesh_over(settings, mesh)
        self.fresh: Task = getattr(task, "held_out", task)  # what is evaluated on
        self.levels: Levels = self.fresh.levels()
        self.rule = success_rule(self.fresh, settings.train.eval_batch)
        self.chunks = math.ceil(settings.train.steps / settings.train.eval_every)
        self.curriculum = Curriculum(task, settings.train)
        lengths = config.lengths(settings.test.lengths, "test.lengths") if settings.test.lengths else []
        self.tests = {length: at(self.fresh, length, "test.lengths") for length in lengths}
        self.test_levels = {length: one.levels() for length, one in self.tests.items()}
        self.build = make_model(settings, task)
        optimizers.rule(settings.optimizer)
        sketch = jax.eval_shape(lambda: self.build(jax.random.key(0), settings.rho, settings.sigma))
        self.graphdef, params, self.rest = disassemble(sketch)
        self.bytes = nbytes(params)
        self.recurrent = {name for cell in cells_of(sketch.net).values() for name in getattr(cell, "recurrent", {})}
        feedback.check(settings, sketch.net, task)
        gradients.check(settings, sketch.net)
        online.check(settings, task)
        regularizers.check(settings, sketch.net)
        self.over = gradients.over(settings.gradient)
        state = jax.eval_shape(lambda: sketch.net.initial_state((1,)))
        self.size = max(width_of(sketch.net), sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state)))

    def start(self, traced: Mapping[str, Array]) -> State:
        """A fresh lane."""
        o = config.overlay(self.settings, traced)
        params = disassemble(self.build(jax.random.key(o.seed), o.rho, o.sigma))[1]
        zero = jnp.int32(0)
        return State(
            params,
            optimizers.rule(o.optimizer).init(params),
            zero,
            zero,
            zero,
            jnp.bool_(False),
            jnp.bool_(False),
            zero,
        )

    def model(self, params: Any) -> Model:
        """The network with these parameters."""
        return nnx.merge(self.graphdef, params, self.rest)

    def outputs(self, params: Any, batch: Any, key: Array | None = None, training: bool = False) -> Array:
        """What the network answers to a batch; in training by the road of its gradient, and with its teacher."""
        half, over = self.settings.precision == "bfloat16", self.over if training else unroll
        targets = batch.targets if training and self.settings.feedback == "forced" else None

        def answer(params, inputs, valid, targets, key):
            return self.model(params)(inputs, self.settings.plan, valid, key, half, over, targets)

        if self.mesh is None or batch.inputs.shape[1] % self.mesh.size:
            return answer(params, batch.inputs, batch.valid, targets, key)

        def share(params, inputs, valid, targets, key):
            own_key = None if key is None else jax.random.fold_in(key, jax.lax.axis_index("data"))
            return answer(params, inputs, valid, targets, own_key)

        own = PartitionSpec(None, "data")
        specs = (PartitionSpec(), own, own, own, PartitionSpec())
        spread = jax.shard_map(share, mesh=self.mesh, in_specs=specs, out_specs=own, check_vma=False)
        return spread(params, batch.inputs, batch.valid, targets, key)

    # -------------------------------------------------------------------------------------------- one update

    def update(self, o: Any, state: State) -> tuple[State, dict[str, Array]]:
        """One update on fresh data."""
        key = jax.random.fold_in(jax.random.key(o.seed), state.update)
        batch = self.curriculum.sample(stream(key, "data"), state.update)
        noise = stream(key, "noise")

        if self.settings.gradient.online:
            loss, params, moments, told = self._online(o, state, batch, noise)
        else:
            loss, grads, more = self._gradient(o, state.params, batch, noise)
            params, moments, told = self._move(o, state.params, state.moments, grads, loss)
            told |= more
        policy = self.settings.optimizer.nonfinite
        bad = told.pop("bad")
        blown = ~jnp.isfinite(loss) | (loss > BLOWN * self.levels.blind.loss)
        diverged = (blown | (bad > 0)) if policy == "stop" else jnp.bool_(False)
        running = state.status == RUNNING
        moved = running & ~diverged
        params, moments = jax.tree.map(
            lambda new, old: jnp.where(moved, new, old), (params, moments), (state.params, state.moments)
        )
        fresh = State(
            params,
            moments,
            state.update + running,
            jnp.where(running & diverged, DIVERGED, state.status),
            jnp.where(running & diverged, state.update, state.since),
            state.solved & ~(running & diverged),
            state.held,
            state.skipped + jnp.where(running & (policy != "stop"), bad, 0),
        )
        return fresh, {"loss": loss, "running": running, **told}

    def _gradient(self, o: Any, params: Any, batch: Any, noise: Array) -> tuple[Array, Any, dict[str, Array]]:
        """Loss and gradient of a batch, with the terms that are added to it."""
        told: dict[str, Array] = {}

        def loss_of(params):
            with reports() as by_newton:
                outputs = self.outputs(params, batch, noise, training=True)
            return self.task.loss(outputs, batch), [1 - report.converged for report in by_newton]

        if self.settings.gradient.type == "rtrl":
            loss, grads = gradients.rtrl(self.model, params, batch, self.task, noise)
        else:
            (loss, fell), grads = jax.value_and_grad(loss_of, has_aux=True)(params)
            if fell:
                told["fell"] = sum(fell)
        if self.settings.regularizer.on:
            told["penalty"], added = jax.value_and_grad(
                lambda p: regularizers.penalty(self.model(p), o.regularizer, batch, self.task, noise)
            )(params)
            grads = jax.tree.map(jnp.add, grads, added)
        return loss, grads, told

    def _online(self, o: Any, state: State, batch: Any, noise: Array) -> tuple[Array, Any, Any, dict[str, Array]]:
        """The loss of a batch within which the weights have moved, and these; of the norms the largest."""
        move, start = functools.partial(self._move, o), (state.params, state.moments)
        outputs, params, moments, told = online.learn(
            self.settings.gradient, self.model, *start, batch, self.task, move, noise
        )
        most = {name: jnp.max(told[name]) for name in ("before", "after")}
        return self.task.loss(outputs, batch), params, moments, {**most, "bad": jnp.sum(told["bad"], dtype=jnp.int32)}

    def _move(self, o: Any, params: Any, moments: Any, grads: Any, loss: Array) -> tuple[Any, Any, dict[str, Array]]:
        """One move: the policy for what is not finite, clipping, the rule. `bad` is 1 where it was not."""
        before = optax.tree.norm(grads)
        bad = ~(jnp.isfinite(loss) & jnp.isfinite(before))
        policy = self.settings.optimizer.nonfinite
        if policy == "pascanu2013":
            bad |= before > 1e10
            grads = self._replace(bad, grads, params)
        clipper, rule = optimizers.clips(o.optimizer), optimizers.rule(o.optimizer)
        clipped, _ = clipper.update(grads, clipper.init(params), params)
        moves, new = rule.update(clipped, moments, params)
        moved = optax.apply_updates(params, moves), new
        if policy == "skip":
            moved = jax.tree.map(lambda new, old: jnp.where(bad, old, new), moved, (params, moments))
        return *moved, {"before": before, "after": optax.tree.norm(clipped), "bad": bad.astype(jnp.int32)}

    def _replace(self, bad: Array, grads: Any, params: Any) -> Any:
        """Pascanu's rule for a gradient that is not finite: 0.02 U for the recurrent weights, 0 for the others."""

        def one(path, g, p):
            recurrent = any(getattr(k, "key", None) in self.recurrent for k in path)
            return jnp.where(bad, 0.02 * p if recurrent else jnp.zeros_like(p), g)

        return jax.tree_util.tree_map_with_path(one, grads, params)

    # -------------------------------------------------------------------------------------------- checks

    def evaluate(self, params: Any) -> dict[str, Array]:
        """Loss, metric and further scores on the fixed evaluation set; rho of the recurrent blocks (the largest).

        Under the plan `newton` also its iterations and residual (the largest, where several cells are unrolled), and
        how many unrolls fell back to the loop; a chunk adds those of its updates.
        """
        key = stream(jax.random.key(EVAL_SEED), "eval")
        batch = batch_of(self.fresh, key, self.settings.train.eval_batch)
        with reports() as by_newton:
            outputs = self.outputs(params, batch)
        scores = {"loss": self.task.loss(outputs, batch), "metric": self.task.metric(outputs, batch)}
        if hasattr(self.task, "scores"):
            scores |= self.task.scores(outputs, batch)
        record = {f"eval/{name}": value for name, value in scores.items()}
        blocks = recurrent_blocks(self.model(params).net)
        if by_newton:
            record["plan/iterations"] = jnp.max(jnp.stack([r.iterations for r in by_newton]))
            record["plan/residual"] = jnp.max(jnp.stack([r.residual for r in by_newton]))
            record["plan/fallbacks"] = jnp.sum(jnp.stack([1 - r.converged for r in by_newton]))
        if blocks:
            record["rho"] = jnp.max(rho(jnp.stack(list(blocks.values()))))
        return record

    def rule_holds(self, params: Any, key: Array, block: int | None = None) -> Array:
        """Whether the success rule holds on fresh sequences, drawn `block` at a time. Stops as soon as it cannot."""
        rule = self.rule
        block = min(block or self.settings.train.eval_batch, rule.sequences)

        name, bound = rule.below or ("", math.inf)

        def more(carry):
            done, cost, _ = carry
            return (done < rule.sequences) & (cost <= rule.allowed)

        def one(carry):
            done, cost, score = carry
            batch = batch_of(self.fresh, jax.random.fold_in(key, done), block)
            outputs = self.outputs(params, batch)
            if rule.counts:
                wanted = jnp.arange(block) < rule.sequences - done
                added = jnp.sum(self.task.wrong(outputs, batch) & wanted)
            else:
                added = self.task.loss(outputs, batch) * block
            if rule.below:
                score += self.task.scores(outputs, batch)[name] * block
            return done + block, cost + jnp.where(jnp.isfinite(added), added, jnp.inf), score

        zero = jnp.zeros((), jnp.result_type(float))
        done, cost, score = jax.lax.while_loop(more, one, (jnp.int32(0), zero, zero))
        return (cost <= rule.allowed) & ((score < bound * done) if rule.below else True)

    def chunk(self, traced: Mapping[str, Array], state: State, updates: int | Array) -> tuple[State, dict[str, Array]]:
        """So many updates, then a check. The record holds the default scalars."""
        o = config.overlay(self.settings, traced)
        zero = jnp.zeros((), jnp.result_type(float))
        summed = ("loss", "running", "fell", *(["penalty"] * self.settings.regularizer.on))

        def one(_, carry: tuple[State, dict[str, Array]]) -> tuple[State, dict[str, Array]]:
            state, window = carry
            state, told = self.update(o, state)
            told = {name: jnp.where(told["running"], value, 0) for name, value in told.items()}
            return state, {
                **{name: window[name] + told.get(name, 0) for name in summed},
                "before": jnp.maximum(window["before"], told["before"]),
                "after": jnp.maximum(window["after"], told["after"]),
            }

        empty = {name: zero for name in (*summed, "before", "after")}
        state, window = jax.lax.fori_loop(0, updates, one, (state, empty))
        record = {
            "update": state.update,
            "train/loss": window["loss"] / window["running"],
            "train/grad_norm": window["before"],
            "train/grad_norm_clipped": window["after"],
            "train/skipped": state.skipped,
            **({"train/penalty": window["penalty"] / window["running"]} if "penalty" in window else {}),
            **self.evaluate(state.params),
        }
        if "plan/fallbacks" in record:
            record["plan/fallbacks"] += window["fell"]
        state = self._judge(o, state, record["train/loss"])
        return state, record | {"status": state.status, "solved": state.solved, "since": state.since}

    def advance(self, traced: Mapping[str, Array], state: State, updates: Array) -> tuple[State, dict[str, Array]]:
        """A chunk where a run stands here and is running; else nothing, at no cost where lanes run in sequence."""
        chunk = jax.jit(self.chunk)  # so that it is traced once
        sketch = jax.eval_shape(chunk, traced, state, updates)[1]
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), sketch)
        return jax.lax.cond(state.status == RUNNING, lambda: chunk(traced, state, updates), lambda: (state, nothing))

    def scalars(self, traced: Mapping[str, Any]) -> list[str]:
        """The names in the record of a chunk, without computing one."""
        return list(jax.eval_shape(lambda lane: self.chunk(lane, self.start(lane), 0), traced)[1])

    def _judge(self, o: Any, state: State, train_loss: Array) -> State:
        key = jax.random.fold_in(stream(jax.random.key(o.seed), "check"), state.update)
        running = state.status == RUNNING
        holds = running & (state.update > 0) & self.rule_holds(state.params, key)
        if self.rule.train_loss is not None:
            holds &= train_loss < self.rule.train_loss
        solved = running & holds & state.held
        return state._replace(
            status=jnp.where(solved & self.settings.train.stop, SOLVED, state.status),
            solved=state.solved | solved,
            since=jnp.where(solved & ~state.solved, state.update, state.since),
            held=holds,
        )

    def train(self, traced: Mapping[str, Array]) -> tuple[State, Curves]:
        """The whole run as one program: the final state, and a record per check."""
        train = self.settings.train
        counts = jnp.minimum(train.eval_every, train.steps - train.eval_every * jnp.arange(self.chunks))
        state, records = jax.lax.scan(lambda s, count: self.chunk(traced, s, count), self.start(traced), counts)
        return state, Curves(records, {name: ("check",) for name in records})


def make_train(settings: Run, task: Task) -> Callable[[Mapping[str, Array]], tuple[State, Curves]]:
    """The training function of a static config: a pure function of its traced fields, `seed` among them."""
    return Trainer(settings, task).train


def summarise(trainer: Trainer, records: Sequence[Mapping[str, float]], seconds: float) -> dict[str, Any]:
    """The last check, the best check, the status with its update, the levels and the rule."""
    last = records[-1]
    diverged, solved = int(last["status"]) == DIVERGED, bool(last["solved"])
    at = int(last["since"])
    finite = [r["eval/loss"] for r in records if math.isfinite(r["eval/loss"])]
    levels = {name: {"loss": s.loss, "metric": s.metric} for name, s in trainer.levels._asdict().items()}
    return {
        "status": "diverged" if diverged else "solved" if solved else "finished",
        "solved": solved,
        "diverged": diverged,
        "diverged_at": at if diverged else None,
        "solved_at": at if solved else None,
        "updates": int(last["update"]),
        **{name: value for name, value in last.items() if "/" in name or name == "rho"},
        **({"plan/fallbacks": sum(r["plan/fallbacks"] for r in records)} if "plan/fallbacks" in last else {}),
        "best/eval/loss": min(finite) if finite else math.nan,
        "rule": trainer.rule.statement,
        "levels": levels,
        "seconds": round(seconds, 3),
    }
