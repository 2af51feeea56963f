"""Bernstein and Vazirani's algorithm in Cirq."""

import cirq


def hidden_string(secret="10110"):
    """Find a secret string of bits with one call of its oracle."""
    *line, helper = cirq.LineQubit.range(len(secret) + 1)
    circuit = cirq.Circuit(cirq.X(helper))
    circuit.append(cirq.H(qubit) for qubit in [*line, helper])
    circuit.append(cirq.CNOT(one, helper) for one, bit in zip(line, secret) if bit == "1")
    circuit.append(cirq.H(qubit) for qubit in line)
    return circuit
