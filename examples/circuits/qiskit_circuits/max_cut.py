"""QAOA for the largest cut in Qiskit."""

from qiskit import QuantumCircuit

EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (0, 2))


def max_cut(gamma=0.8, beta=0.4, rounds=2):
    """Turn by the cost of each edge, then mix, for the largest cut of a graph."""
    circuit = QuantumCircuit(4)
    for node in range(4):
        circuit.h(node)
    for _ in range(rounds):
        for one, other in EDGES:
            circuit.cx(one, other)
            circuit.rz(2 * gamma, other)
            circuit.cx(one, other)
        for node in range(4):
            circuit.rx(2 * beta, node)
    return circuit
