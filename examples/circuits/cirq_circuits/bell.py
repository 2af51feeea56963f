"""Bell pair in Cirq."""

import cirq


def bell_pair(qubits=2):
    """Entangle two qubits: both are measured the same, though neither is known."""
    left, right = cirq.LineQubit.range(qubits)
    return cirq.Circuit(cirq.H(left), cirq.CNOT(left, right))
