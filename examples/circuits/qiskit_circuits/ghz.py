"""GHZ state in Qiskit."""

from qiskit import QuantumCircuit


def ghz_state(qubits=5):
    """Entangle all qubits by a chain of controlled nots."""
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    for target in range(1, qubits):
        circuit.cx(target - 1, target)
    return circuit
