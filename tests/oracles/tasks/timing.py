import math

from oracles.tasks.base import CERTAIN, Bits, Numbers, scored_steps


class Timed(Numbers):
    def metric(self, batch):
        right = [not abs(o[0] - y[0]) >= self.tolerance for o, y in scored_steps(batch)]
        return sum(right) / len(right)


class Delays(Timed):
    tolerance = 0.49
    noise = 5.0  # which the tolerance forgives in part

    def __init__(self, variant, interval=10, largest=1, choice="ends", spikes=1):
        self.F, self.largest, self.spikes = interval, largest, spikes
        self.delays = [0, largest] if choice == "ends" else list(range(largest + 1))
        self.steps = spikes * (interval + largest) + 1
        self.lag = (interval, interval + largest)

    def draw(self, rng):
        return self.lay_out([self.delays[rng.integers(len(self.delays))] for _ in range(self.spikes)])

    def streams(self):
        """All sequences of delays."""
        streams = [[]]
        for _ in range(self.spikes):
            streams = [[*stream, delay] for stream in streams for delay in self.delays]
        return streams

    def cases(self):
        """(step, input, target, whether a delay ends) of all scored steps of all sequences, all equally likely."""
        for delays in self.streams():
            inputs, valid = self.lay_out(delays)
            targets, scored = self.answer(inputs, valid)
            for t, s in enumerate(scored):
                if s:
                    yield t, inputs[t][0], targets[t][0]

    def table(self):
        """{(step, input): targets}, and the list of all targets."""
        if not hasattr(self, "known"):
            self.known, self.every = {}, []
            for t, x, y in self.cases():
                self.known.setdefault((t, x), []).append(y)
                self.every.append(y)
        return self.known, self.every

    def blind(self, inputs, valid):
        _, every = self.table()
        return [[sum(every) / len(every)]] * self.steps

    def blind_by_metric(self, inputs, valid):
        _, every = self.table()
        return [[commonest(every)]] * self.steps

    def strict(self, t, x):
        targets = self.table()[0].get((t, x[0]), [0.0])
        return [sum(targets) / len(targets)]

    def strict_by_metric(self, t, x):
        return [commonest(self.table()[0].get((t, x[0]), [0.0]))]

    def read(self, rows):
        inputs = [[0.0 if cell == "_" else float(cell)] for cell in rows["input"]]
        targets = [[0.0 if cell == "." else float(cell)] for cell in rows["target"]]
        return inputs, targets, [cell != "." for cell in rows["target"]], [cell != "_" for cell in rows["input"]]


def commonest(values):
    return max(sorted(set(values)), key=values.count)


class SpikeDelay(Delays):
    def lay_out(self, delays):
        inputs, t = [[0.0] for _ in range(self.steps)], 0
        for delay in delays:
            t += self.F + delay
            inputs[t] = [1.0]
        return inputs, [s <= t for s in range(self.steps)]

    def check(self, inputs, valid):
        spikes = [t for t, x in enumerate(inputs) if x[0] == 1.0]
        assert len(inputs) == self.steps
        assert len(spikes) == self.spikes
        assert all(x[0] in (0.0, 1.0) for x in inputs)
        assert valid == [t <= spikes[-1] for t in range(self.steps)]
        assert all(b - a - self.F in self.delays for a, b in zip([0, *spikes], spikes, strict=False))

    def places(self, inputs, valid):
        return {"spike": [t for t, x in enumerate(inputs) if x[0] == 1.0]}

    def answer(self, inputs, valid):
        targets, scored, waited = [], [], 0
        for t, x in enumerate(inputs):
            waited += t > 0
            spike = x[0] == 1.0
            targets.append([float(waited - self.F) if spike else 0.0])
            scored.append(spike)
            waited = 0 if spike else waited
        return targets, scored


class TimedSpikes(Delays):
    def lay_out(self, delays):
        line = [delays[0]]
        for delay in delays:
            line += [delay] * (self.F + delay)
        pad = self.steps - len(line)
        return [[float(x)] for x in line] + [[0.0]] * pad, [True] * len(line) + [False] * pad

    def check(self, inputs, valid):
        n = sum(valid)
        assert len(inputs) == self.steps
        assert [list(x) for x in inputs] in [self.lay_out(stream)[0] for stream in self.streams()]
        assert valid == [t < n for t in range(self.steps)]
        assert n - 1 == sum(t * y[0] for t, y in enumerate(self.answer(inputs, valid)[0]) if t == n - 1)

    def places(self, inputs, valid):
        return {"shown": [x[0] for x, v in zip(inputs, valid, strict=True) if v], "last": [sum(valid) - 1]}

    def answer(self, inputs, valid):
        targets, due = [[0.0] for _ in inputs], self.F + int(inputs[0][0])
        while due < sum(valid):
            targets[due] = [1.0]
            due += self.F + int(inputs[due + 1][0]) if due + 1 < sum(valid) else self.steps
        return targets, list(valid)


class Periodic(Timed):
    tolerance = 0.3
    noise = 1.5
    random = False

    def __init__(self, variant, period=10, shape="cosine", periods=10):
        self.steps, self.lag = period * periods, (period, period)
        self.wave = []
        for p in range(period):
            half = p / (period / 2)
            rising = half if half <= 1 else 2 - half
            self.wave.append(
                {"cosine": 0.5 - math.cos(math.pi * half) / 2, "triangle": rising, "square": half > 1}[shape]
            )

    def draw(self, rng):
        return [[1.0]] * self.steps, [True] * self.steps

    def check(self, inputs, valid):
        assert [list(x) for x in inputs] == [[1.0]] * self.steps
        assert all(valid)

    def places(self, inputs, valid):
        return {"shown": [x[0] for x in inputs]}

    def answer(self, inputs, valid):
        return [[float(self.wave[t % len(self.wave)])] for t in range(self.steps)], [True] * self.steps

    def blind(self, inputs, valid):
        return [[sum(self.wave) / len(self.wave)]] * self.steps

    def blind_by_metric(self, inputs, valid):
        middles = [(a + b) / 2 for a in self.wave for b in self.wave]
        return [[max(middles, key=lambda c: sum(abs(c - y) < 0.3 - 1e-9 for y in self.wave))]] * self.steps

    def strict(self, t, x):
        return [float(self.wave[t % len(self.wave)])]

    def read(self, rows):
        targets = [[float(cell)] for cell in rows["target"]]
        return [[float(cell)] for cell in rows["input"]], targets, [True] * self.steps, [True] * self.steps


class SpikeDouble(Bits):
    def __init__(self, variant, length=150, shortest=30, longest=60):
        self.steps, self.shortest, self.longest = length, shortest, longest
        self.lag = (shortest, 2 * longest)
        waits = range(shortest, longest + 1)
        self.pairs = [(a, a + d) for d in waits for a in range(length) if a + 2 * longest < length]

    def draw(self, rng):
        spikes = self.pairs[rng.integers(len(self.pairs))]
        return [[float(t in spikes)] for t in range(self.steps)], [True] * self.steps

    def check(self, inputs, valid):
        assert tuple(t for t, x in enumerate(inputs) if x[0]) in self.pairs
        assert all(x[0] in (0.0, 1.0) for x in inputs)
        assert len(inputs) == self.steps
        assert all(valid)

    def places(self, inputs, valid):
        first, second = (t for t, x in enumerate(inputs) if x[0])
        return {"first": [first], "wait": [second - first]}

    def answer(self, inputs, valid):
        first, second = (t for t, x in enumerate(inputs) if x[0])
        return [[float(t == second + (second - first))] for t in range(self.steps)], [True] * self.steps

    def metric(self, batch):
        return sum(not self.wrong(*sequence) for sequence in batch) / len(batch)

    def chance(self, t, spike=None):
        """Of the target at a step, whatever is seen there or where that is known."""
        cases = [(a, b) for a, b in self.pairs if spike is None or (t in (a, b)) == spike]
        p = sum(2 * b - a == t for a, b in cases) / max(len(cases), 1)
        return [math.log(p / (1 - p)) if 0 < p < 1 else CERTAIN * (2 * p - 1)]

    def blind(self, inputs, valid):
        if not hasattr(self, "logits"):
            self.logits = [self.chance(t) for t in range(self.steps)]
        return self.logits

    def blind_by_metric(self, inputs, valid):
        logits = [o[0] for o in self.blind(inputs, valid)]
        return [[CERTAIN if t == logits.index(max(logits)) else -CERTAIN] for t in range(self.steps)]

    def strict(self, t, x):
        return self.chance(t, x[0] == 1.0)

    def strict_by_metric(self, t, x):
        return self.blind_by_metric(None, None)[t]

    def read(self, rows):
        targets = [[float(cell)] for cell in rows["target"]]
        return [[float(cell)] for cell in rows["input"]], targets, [True] * self.steps, [True] * self.steps
