"""Bernstein and Vazirani's algorithm in Qiskit."""

from qiskit import QuantumCircuit


def hidden_string(secret="10110"):
    """Find a secret string of bits with one call of its oracle."""
    helper = len(secret)
    circuit = QuantumCircuit(helper + 1)
    circuit.x(helper)
    for qubit in range(helper + 1):
        circuit.h(qubit)
    for place, bit in enumerate(secret):
        if bit == "1":
            circuit.cx(place, helper)
    for qubit in range(helper):
        circuit.h(qubit)
    return circuit
