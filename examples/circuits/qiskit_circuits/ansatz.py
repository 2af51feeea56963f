"""A variational ansatz in Qiskit."""

from qiskit import QuantumCircuit


def variational_ansatz(angles=(0.1, 0.7, 1.3, 0.2, 0.9, 0.4, 1.1, 0.5), qubits=4):
    """Layers of turns about y, entangled by a ring of controlled z."""
    circuit = QuantumCircuit(qubits)
    for layer in range(len(angles) // qubits):
        for qubit in range(qubits):
            circuit.ry(angles[layer * qubits + qubit], qubit)
        for qubit in range(qubits):
            circuit.cz(qubit, (qubit + 1) % qubits)
    return circuit
