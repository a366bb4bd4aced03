"""PyTorch: an ensemble batched by hand, one by vmap, and one network after another; steps in CUDA graphs."""
import contextlib
import inspect
import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional

try:
    from torch.func import grad, vmap
except ImportError:
    from functorch import grad, vmap  # before PyTorch 2

STEPS_IN_GRAPH = 40  # besides the check's few
ACTIVATE_ = {"sigmoid": torch.sigmoid_, "tanh": torch.tanh_, "relu": torch.relu_}
ACTIVATE = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
MODULES = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
COMPILES = hasattr(torch, "compile")


def versions():
    return {"torch": torch.__version__, "numpy": np.__version__}


def device_name(device):
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


def derive_(activation, error, a):
    """error *= f'(z), from a = f(z)."""
    if activation == "sigmoid":
        torch.ops.aten.sigmoid_backward.grad_input(error, a, grad_input=error)
    elif activation == "tanh":
        torch.ops.aten.tanh_backward.grad_input(error, a, grad_input=error)
    else:
        torch.ops.aten.threshold_backward.grad_input(error, a, 0, grad_input=error)


class Trainer:
    """Walks through the epoch's minibatches by a counter on the device, so that a graph of some steps can be replayed. A
    subclass has load(), which sets its parameters to the exported ones in place, and step(x, t)."""

    def __init__(self, workload, groups, device, compiled=False, graph=True):
        self.workload, self.groups, self.device, self.graphs = workload, groups, device, {}
        self.inputs = self.put(workload.inputs)
        self.targets = self.put(workload.targets)
        self.order = self.put(workload.order.astype(np.int64))
        self.row = torch.zeros(1, dtype=torch.int64, device=device)
        self.ahead = torch.arange(workload.batch_size, device=device)
        self.allocate()
        if compiled:
            self.step = torch.compile(self.step, dynamic=False)
        self.has_graph = graph and device == "cuda"
        self.synchronize()
        stream = torch.cuda.Stream() if self.has_graph else None
        # What libraries make at a first call must not be made inside a graph.
        with torch.cuda.stream(stream) if stream else contextlib.nullcontext():
            for _ in range(3):
                self.minibatch()
        self.synchronize()
        self.load()
        self.row.zero_()

    def put(self, array):
        return torch.tensor(np.ascontiguousarray(array), device=self.device)  # a copy: training changes it in place

    def minibatch(self):
        rows = self.order.index_select(0, self.row + self.ahead)
        self.step(self.inputs.index_select(0, rows), self.targets.index_select(0, rows))
        self.row.add_(self.workload.batch_size).remainder_(len(self.order))

    def train(self, n_minibatches):
        if not self.has_graph:
            for _ in range(n_minibatches):
                self.minibatch()
            return
        if n_minibatches not in self.graphs:
            self.graphs[n_minibatches] = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graphs[n_minibatches]):
                for _ in range(n_minibatches):
                    self.minibatch()
        self.graphs[n_minibatches].replay()

    def synchronize(self):
        if self.device == "cuda":
            torch.cuda.synchronize()


class Adam:
    """docs/numerics.md's form over arrays of many networks; rates: of each array, one a network."""

    def __init__(self, parameters, rates, constants):
        self.parameters, self.rates = parameters, rates
        self.b1, self.b2, self.eps = (constants[key] for key in ("b1", "b2", "eps"))
        self.reset()

    def reset(self):
        self.t = 0
        self.m = [torch.zeros_like(p) for p in self.parameters]
        self.v = [torch.zeros_like(p) for p in self.parameters]

    def step(self, gradients):
        self.t += 1
        factor = (1 - self.b2**self.t)**0.5 / (1 - self.b1**self.t)
        for p, g, m, v, rate in zip(self.parameters, gradients, self.m, self.v, self.rates):
            m.mul_(self.b1).add_(g, alpha=1 - self.b1)
            v.mul_(self.b2).addcmul_(g, g, value=1 - self.b2)
            p.sub_(m.mul(rate * factor).div_(v.sqrt().add_(self.eps)))


class HandBatched(Trainer):
    """Units before rows: [networks, units, rows]. All networks see the same rows, so the first layer is one product. The
    rate of sgd is folded into the output error, so that a layer's gradient and update are one call."""

    def allocate(self):
        self.weights = [[self.put(w) for w in group.weights] for group in self.groups]
        self.biases = [[self.put(b)[:, :, None].contiguous() for b in group.biases] for group in self.groups]
        rates = [self.put(self.workload.rates[group.networks])[:, None, None] for group in self.groups]
        self.adam = [Adam(w + b, [rate] * (2 * len(w)), self.workload.adam) if self.workload.adam else None
                     for w, b, rate in zip(self.weights, self.biases, rates)]
        self.rates = [(torch.ones_like(rate) if self.workload.adam else rate) / self.workload.batch_size for rate in rates]

    def load(self):
        for adam in self.adam:
            if adam:
                adam.reset()
        for g, group in enumerate(self.groups):
            for own, exported in zip(self.weights[g], group.weights):
                own.copy_(self.put(exported))
            for own, exported in zip(self.biases[g], group.biases):
                own.copy_(self.put(exported)[:, :, None])

    @torch.no_grad()
    def step(self, x, t):
        for group, weights, biases, rate, adam in zip(self.groups, self.weights, self.biases, self.rates, self.adam):
            self.step_group(group.segments, weights, biases, rate, adam, x, t.t())

    def step_group(self, segments, weights, biases, rate, adam, x, t):
        n = len(rate)
        counts, last = [count for _, count in segments], len(weights) - 1
        outputs = []
        for l, (w, b) in enumerate(zip(weights, biases)):
            if l == 0:
                z = torch.addmm(b.view(-1, 1), w.view(-1, w.shape[2]), x.t()).view(n, -1, len(x))
            else:
                z = torch.baddbmm(b, w, outputs[-1])
            if l < last:
                for (activation, _), part in zip(segments, z.split(counts)):
                    ACTIVATE_[activation](part)
            outputs.append(z)
        if self.workload.is_classification:
            delta = torch.softmax(outputs[last], 1).sub_(t).mul_(rate)
        else:
            delta = outputs[last].sub_(t).mul_(2 * rate)
        gradients = []
        for l in range(last, -1, -1):
            error = None
            if l > 0:
                error = torch.bmm(weights[l].transpose(1, 2), delta)
                for (activation, _), part, a in zip(segments, error.split(counts), outputs[l - 1].split(counts)):
                    derive_(activation, part, a)
            if adam:
                gradients.append((torch.bmm(delta, outputs[l - 1].transpose(1, 2)) if l > 0 else
                                  torch.mm(delta.reshape(-1, len(x)), x).view_as(weights[0]), delta.sum(2, keepdim=True)))
                delta = error
                continue
            if l > 0:
                weights[l].baddbmm_(delta, outputs[l - 1].transpose(1, 2), alpha=-1)
            else:
                weights[0].view(-1, weights[0].shape[2]).addmm_(delta.reshape(-1, len(x)), x, alpha=-1)
            biases[l].sub_(delta.sum(2, keepdim=True))
            delta = error
        if adam:
            adam.step([g for part in zip(*reversed(gradients)) for g in part])

    def fetch(self, g, positions):
        return [(w[positions].cpu().numpy(), b[positions, :, 0].cpu().numpy()) for w, b in zip(self.weights[g], self.biases[g])]


class Elementwise(Trainer):
    """relu networks of a few units with squared error, networks innermost: a unit's outputs are [rows, networks]."""

    def allocate(self):
        (group,) = self.groups
        self.weights = [self.put(np.moveaxis(w, 0, 2)) for w in group.weights]
        self.biases = [self.put(b.T) for b in group.biases]
        self.rate = self.put(self.workload.rates[group.networks]) * (2 / self.workload.batch_size)

    def load(self):
        (group,) = self.groups
        for own, exported in zip(self.weights + self.biases, group.weights + group.biases):
            own.copy_(self.put(np.moveaxis(exported, 0, -1)))

    @torch.no_grad()
    def step(self, x, t):
        outputs = [list(x.split(1, 1))]
        for l, (w, b) in enumerate(zip(self.weights, self.biases)):
            layer = []
            for o in range(len(w)):
                z = b[o]
                for i, a in enumerate(outputs[-1]):
                    z = torch.addcmul(z, a, w[o, i])
                layer.append(torch.relu(z) if l + 1 < len(self.weights) else z)
            outputs.append(layer)
        deltas = [(z - y) * self.rate for z, y in zip(outputs.pop(), t.split(1, 1))]
        for l in range(len(self.weights) - 1, -1, -1):
            w, below = self.weights[l], outputs.pop()
            errors = []
            for i, a in enumerate(below if l > 0 else []):
                error = deltas[0] * w[0, i]
                for o in range(1, len(deltas)):
                    error = torch.addcmul(error, deltas[o], w[o, i])
                errors.append(torch.ops.aten.threshold_backward(error, a, 0))
            for o, delta in enumerate(deltas):
                self.biases[l][o].sub_(delta.sum(0))
                for i, a in enumerate(below):
                    w[o, i].sub_((delta * a).sum(0))
            deltas = errors

    def fetch(self, g, positions):
        return [(np.moveaxis(w[:, :, positions].cpu().numpy(), 2, 0), b[:, positions].cpu().numpy().T)
                for w, b in zip(self.weights, self.biases)]


class Vmap(Trainer):
    """vmap(grad(loss)) over the networks of each group, which have one activation. The updates stay out of what is compiled:
    inside, PyTorch 2.11 changes a layer's weights before the error has passed them."""

    def __init__(self, *args, autocast, compiled=False, **kwargs):
        self.autocast, self.compiled = autocast, compiled
        super().__init__(*args, **kwargs)

    def allocate(self):
        self.layers = [[(self.put(w), self.put(b)) for w, b in zip(group.weights, group.biases)] for group in self.groups]
        self.rates = [self.put(self.workload.rates[group.networks]) for group in self.groups]
        self.adam = [Adam([p for layer in layers for p in layer], [rate[:, None, None], rate[:, None]] * len(layers),
                          self.workload.adam) if self.workload.adam else None
                     for layers, rate in zip(self.layers, self.rates)]
        self.gradients = [vmap(grad(self.loss_of(group.segments[0][0])), in_dims=(0, None, None)) for group in self.groups]
        if self.compiled:
            self.gradients = [torch.compile(gradient, dynamic=False) for gradient in self.gradients]

    def load(self):
        for adam in self.adam:
            if adam:
                adam.reset()
        for layers, group in zip(self.layers, self.groups):
            for (own_w, own_b), w, b in zip(layers, group.weights, group.biases):
                own_w.copy_(self.put(w))
                own_b.copy_(self.put(b))

    def loss_of(self, activation):
        activate, is_classification = ACTIVATE[activation], self.workload.is_classification

        def loss(layers, x, t):
            a = x
            for l, (weights, bias) in enumerate(layers):
                z = functional.linear(a, weights, bias)
                a = activate(z) if l + 1 < len(layers) else z.float()
            if is_classification:
                return -(t * torch.log_softmax(a, 1)).sum() / len(t)
            return ((a - t) ** 2).sum() / len(t)

        return loss

    def step(self, x, t):
        for layers, rate, adam, gradient in zip(self.layers, self.rates, self.adam, self.gradients):
            with self.autocast():
                found = gradient(layers, x, t)
            with torch.no_grad():
                if adam:
                    adam.step([g for layer in found for g in layer])
                    continue
                for (weights, bias), (dw, db) in zip(layers, found):
                    weights.addcmul_(dw, rate[:, None, None], value=-1)
                    bias.addcmul_(db, rate[:, None], value=-1)

    def fetch(self, g, positions):
        return [(w[positions].cpu().numpy(), b[positions].cpu().numpy()) for w, b in self.layers[g]]


class OneByOne(Trainer):
    """nn.Sequential and SGD for each network, one after another."""

    def __init__(self, *args, autocast, compiled=False, **kwargs):
        self.autocast, self.compiled = autocast, compiled
        super().__init__(*args, **kwargs)

    def allocate(self):
        self.networks, self.optimizers, self.forward = [], [], []
        loss = nn.CrossEntropyLoss() if self.workload.is_classification else nn.MSELoss()
        solver = torch.optim.Adam if self.workload.adam else torch.optim.SGD
        fused = self.device == "cuda" and "fused" in inspect.signature(solver).parameters
        for group in self.groups:
            activation = MODULES[group.segments[0][0]]
            linear = [nn.Linear(fan_in, fan_out) for fan_in, fan_out in zip(group.sizes[:-1], group.sizes[1:])]
            hidden = itertools.chain(*((layer, activation()) for layer in linear[:-1]))
            network = nn.Sequential(*hidden, linear[-1]).to(self.device)
            self.networks.append(network)
            rate = float(self.workload.rates[group.networks[0]])
            way = {"fused" if fused else "foreach": True}
            if self.workload.adam:
                betas, eps = (self.workload.adam["b1"], self.workload.adam["b2"]), self.workload.adam["eps"]
                self.optimizers.append(torch.optim.Adam(network.parameters(), lr=rate, betas=betas, eps=eps, **way))
            else:
                self.optimizers.append(torch.optim.SGD(network.parameters(), lr=rate, **way))

            def forward(x, t, network=network):
                return loss(network(x).float(), t)

            self.forward.append(torch.compile(forward, dynamic=False) if self.compiled else forward)
        if self.workload.is_classification:
            self.targets = self.put(self.workload.classes.astype(np.int64))
        self.load()

    def load(self):
        with torch.no_grad():
            for network, group in zip(self.networks, self.groups):
                for layer, w, b in zip((m for m in network if isinstance(m, nn.Linear)), group.weights, group.biases):
                    layer.weight.copy_(self.put(w[0]))
                    layer.bias.copy_(self.put(b[0]))
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
            optimizer.state.clear()

    def step(self, x, t):
        for forward, optimizer in zip(self.forward, self.optimizers):
            optimizer.zero_grad(set_to_none=True)
            with self.autocast():
                loss = forward(x, t)
            loss.backward()
            optimizer.step()

    def fetch(self, g, positions):
        layers = [m for m in self.networks[g] if isinstance(m, nn.Linear)]
        return [(layer.weight.detach().cpu().numpy()[None], layer.bias.detach().cpu().numpy()[None]) for layer in layers]


def prepare(device, precision):
    """Sets how products are computed; -> what makes the context of a forward pass."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    return (lambda: torch.autocast(device, torch.bfloat16)) if precision == "bf16" else contextlib.nullcontext


def lengths(workload):
    return sorted({workload.n_first_minibatches, min(STEPS_IN_GRAPH, workload.n_minibatches)})


def torch_bmm(workload, device, precision):
    if precision == "bf16":
        raise ValueError("the ensemble batched by hand has no bf16 form")
    prepare(device, precision)
    for n in (1, 10) if len(workload.kinds) > 1 else (1,):
        label = f"padded to {n} width{'s' if n > 1 else ''}" if len(workload.kinds) > 1 else "bmm"
        yield label, lambda n=n: HandBatched(workload, workload.groups(n), device), lengths(workload)
    if max(workload.sizes(0)) <= 8 and not workload.is_classification:
        for compiled in (False, True)[:1 + COMPILES]:
            yield ("networks innermost, elementwise" + compiled * ", compiled",
                   lambda c=compiled: Elementwise(workload, workload.groups(), device, compiled=c), lengths(workload))


def torch_vmap(workload, device, precision):
    autocast = prepare(device, precision)
    widths = (1, 10) if len(workload.kinds) > 1 else (1,)
    for n, compiled in [(n, False) for n in widths] + [(1, True)] * COMPILES:
        label = f"padded to {n} width{'s' if n > 1 else ''}" if len(workload.kinds) > 1 else "vmap"

        def make(n=n, compiled=compiled):
            return Vmap(workload, workload.groups(n, by_activation=True), device, compiled=compiled, autocast=autocast)

        yield label + compiled * ", compiled", make, lengths(workload)


def torch_loop(workload, device, precision):
    autocast = prepare(device, precision)

    def make(**kwargs):
        return OneByOne(workload, workload.alone(), device, autocast=autocast, **kwargs)

    longest = lengths(workload)[-1:]
    yield "eager", lambda: make(graph=False), longest
    if device == "cuda":
        yield "CUDA graph", make, longest
    if COMPILES and workload.n_networks == 1:
        yield "compiled, CUDA graph" if device == "cuda" else "compiled", lambda: make(compiled=True), longest


PEERS = {"torch_bmm": torch_bmm, "torch_vmap": torch_vmap, "torch_loop": torch_loop}
