"""QAOA for the largest cut in Cirq."""

import cirq

EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (0, 2))


def max_cut(gamma=0.8, beta=0.4, rounds=2):
    """Turn by the cost of each edge, then mix, for the largest cut of a graph."""
    nodes = cirq.LineQubit.range(4)
    circuit = cirq.Circuit(cirq.H(node) for node in nodes)
    for _ in range(rounds):
        for one, other in EDGES:
            cost = cirq.rz(2 * gamma)(nodes[other])
            crossing = cirq.CNOT(nodes[one], nodes[other])
            circuit.append([crossing, cost, crossing])
        circuit.append(cirq.rx(2 * beta)(node) for node in nodes)
    return circuit
