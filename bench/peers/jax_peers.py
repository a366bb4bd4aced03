"""JAX: jit(scan over minibatches of vmap(value_and_grad) over networks), parameters donated."""
import functools

import jax
import jax.numpy as jnp
import numpy as np

PRECISIONS = {"fp32": "highest", "tf32": "tensorfloat32", "bf16": "default"}  # bf16: operands that are bfloat16
CHUNK = 50  # minibatches a call; the check's few are tried too, the fastest counts
ACTIVATIONS = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu}


def versions():
    return {"jax": jax.__version__, "numpy": np.__version__}


def device_name(device):
    return str(jax.devices(device)[0].device_kind)


def matmul(x, weights):
    return x @ weights.T


def matmul_bf16(x, weights):
    return matmul(x.astype(jnp.bfloat16), weights.astype(jnp.bfloat16)).astype(jnp.float32)


def elementwise(x, weights):
    """The same product for networks of a few units, as sums that XLA can fuse."""
    return (x[:, None, :] * weights[None, :, :]).sum(-1)


def loss(layers, code, x, t, *, names, product, is_classification):
    """Of one network. code: which of the activations `names` it has."""
    a = x
    for l, (weights, bias) in enumerate(layers):
        z = product(a, weights) + bias
        if l + 1 < len(layers):
            a = ACTIVATIONS[names[0]](z)
            for k in range(1, len(names)):
                a = jnp.where(code == k, ACTIVATIONS[names[k]](z), a)
    if is_classification:
        return -jnp.sum(t * jax.nn.log_softmax(z)) / len(t)
    return jnp.sum((z - t) ** 2) / len(t)


def sgd():
    """What begins a solver's state, and its step: parameter, gradient, state, rate -> parameter, state."""
    return lambda p: (), lambda p, g, state, rate: (p - g * rate, state)


def adam(constants):
    b1, b2, eps = (constants[key] for key in ("b1", "b2", "eps"))

    def step(p, g, state, rate):
        m, v, t = state
        m, v, t = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g, t + 1
        return p - rate * jnp.sqrt(1 - b2**t) / (1 - b1**t) * m / (jnp.sqrt(v) + eps), (m, v, t)

    return lambda p: (np.zeros_like(p), np.zeros_like(p), np.float32(0)), step


class VmapScan:
    """axis: of the networks in every array of parameters."""

    def __init__(self, workload, groups, device, product, axis=0):
        self.workload, self.groups, self.axis, self.minibatch = workload, groups, axis, 0
        put = functools.partial(jax.device_put, device=jax.devices(device)[0])
        self.table = put((workload.inputs, workload.targets))
        self.order = workload.order.reshape(-1, workload.batch_size)
        self.put, moved = put, functools.partial(np.moveaxis, source=0, destination=axis)
        begin, step_of = adam(workload.adam) if workload.adam else sgd()
        self.state, self.fixed, steps = [], [], []
        for group in groups:
            names = [activation for activation, _ in group.segments]
            codes = np.repeat(np.arange(len(names)), [n for _, n in group.segments]).astype(np.int32)
            layers = [(moved(w), moved(b)) for w, b in zip(group.weights, group.biases)]
            moments = [tuple(begin(p) for p in layer) for layer in layers]
            self.state.append(put((layers, moments, np.zeros(len(group.networks), np.float32))))
            self.fixed.append(put((codes, workload.rates[group.networks])))
            one = functools.partial(loss, names=names, product=product, is_classification=workload.is_classification)
            steps.append(jax.vmap(jax.value_and_grad(one), in_axes=(axis, 0, None, None), out_axes=(0, axis)))

        def update(layers, gradient, moments, rate):
            """-> layers and moments after the step."""
            def parameter(p, g, m):
                return step_of(p, g, m, rate.reshape(-1, *[1] * (p.ndim - 1)) if axis == 0 else rate)

            after = [[parameter(*each) for each in zip(*of_layer)] for of_layer in zip(layers, gradient, moments)]
            return [tuple(p for p, _ in layer) for layer in after], [tuple(m for _, m in layer) for layer in after]

        def chunk(state, fixed, table, rows):
            def minibatch(state, rows):
                x, t = (column[rows] for column in table)
                after = []
                for step, (layers, moments, losses), (code, rate) in zip(steps, state, fixed):
                    value, gradient = step(layers, code, x, t)
                    after.append((*update(layers, gradient, moments, rate), losses + value))
                return after, None

            return jax.lax.scan(minibatch, state, rows)[0]

        self.chunk = jax.jit(chunk, donate_argnums=0)
        self.rows = {}

    def train(self, n_minibatches):
        """The next minibatches of the epoch, which begins anew when it cannot give as many."""
        if self.minibatch + n_minibatches > len(self.order):
            self.minibatch = 0
        key = (self.minibatch, n_minibatches)
        if key not in self.rows:
            self.rows[key] = self.put(self.order[self.minibatch:self.minibatch + n_minibatches])
        self.state = self.chunk(self.state, self.fixed, self.table, self.rows[key])
        self.minibatch += n_minibatches

    def synchronize(self):
        jax.block_until_ready(self.state)

    def fetch(self, g, positions):
        def of_networks(p):
            return np.take(np.asarray(p), positions, self.axis)

        return [tuple(np.moveaxis(of_networks(p), self.axis, 0) for p in layer) for layer in self.state[g][0]]


def jax_vmap(workload, device, precision):
    """Pairs of a name and a function that makes the trainer, and the lengths of calls to try."""
    jax.config.update("jax_default_matmul_precision", PRECISIONS[precision])
    product = matmul_bf16 if precision == "bf16" else matmul
    lengths = sorted({workload.n_first_minibatches, min(CHUNK, workload.n_minibatches)})
    if len(workload.kinds) > 1:
        yield "padded to one width", lambda: VmapScan(workload, workload.groups(by_activation=True), device, product), lengths
        yield "padded to 10 widths", lambda: VmapScan(workload, workload.groups(10), device, product), lengths
    else:
        yield "networks outermost", lambda: VmapScan(workload, workload.groups(), device, product), lengths
        if max(workload.sizes(0)) <= 8:
            yield ("networks innermost, elementwise",
                   lambda: VmapScan(workload, workload.groups(), device, elementwise, -1), lengths)


PEERS = {"jax_vmap": jax_vmap}
