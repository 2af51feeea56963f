"""Grover's search in Cirq."""

import cirq


def _reflection(line):
    """Flip the phase of all ones."""
    return [cirq.H(line[2]), cirq.TOFFOLI(*line), cirq.H(line[2])]


def grover_search(rounds=2):
    """Find the marked item among eight by amplifying its amplitude."""
    line = cirq.LineQubit.range(3)
    circuit = cirq.Circuit(cirq.H(qubit) for qubit in line)
    for _ in range(rounds):
        circuit.append(_reflection(line))  # the oracle
        circuit.append([cirq.H(qubit), cirq.X(qubit)] for qubit in line)
        circuit.append(_reflection(line))  # about the mean
        circuit.append([cirq.X(qubit), cirq.H(qubit)] for qubit in line)
    return circuit
