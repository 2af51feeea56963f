"""Grover's search in Qiskit."""

from qiskit import QuantumCircuit


def _reflect(circuit):
    """Flip the phase of all ones."""
    circuit.h(2)
    circuit.ccx(0, 1, 2)
    circuit.h(2)


def grover_search(rounds=2):
    """Find the marked item among eight by amplifying its amplitude."""
    circuit = QuantumCircuit(3)
    for qubit in range(3):
        circuit.h(qubit)
    for _ in range(rounds):
        _reflect(circuit)  # the oracle
        for qubit in range(3):
            circuit.h(qubit)
            circuit.x(qubit)
        _reflect(circuit)  # about the mean
        for qubit in range(3):
            circuit.x(qubit)
            circuit.h(qubit)
    return circuit
