"""A variational ansatz in Cirq."""

import cirq


def variational_ansatz(angles=(0.1, 0.7, 1.3, 0.2, 0.9, 0.4, 1.1, 0.5), qubits=4):
    """Layers of turns about y, entangled by a ring of controlled z."""
    line = cirq.LineQubit.range(qubits)
    circuit = cirq.Circuit()
    for layer in range(len(angles) // qubits):
        circuit.append(cirq.ry(angles[layer * qubits + n])(line[n]) for n in range(qubits))
        circuit.append(cirq.CZ(line[n], line[(n + 1) % qubits]) for n in range(qubits))
    return circuit
