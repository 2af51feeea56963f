"""Bell pair in Qiskit."""

from qiskit import QuantumCircuit


def bell_pair(qubits=2):
    """Entangle two qubits: both are measured the same, though neither is known."""
    circuit = QuantumCircuit(qubits)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit
