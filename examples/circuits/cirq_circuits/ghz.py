"""GHZ state in Cirq."""

import cirq


def ghz_state(qubits=5):
    """Entangle all qubits by a chain of controlled nots."""
    line = cirq.LineQubit.range(qubits)
    circuit = cirq.Circuit(cirq.H(line[0]))
    circuit.append(cirq.CNOT(one, other) for one, other in zip(line, line[1:]))
    return circuit
