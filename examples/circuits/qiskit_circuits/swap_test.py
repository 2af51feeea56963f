"""The swap test in Qiskit."""

from qiskit import QuantumCircuit


def swap_test(size=2):
    """Compare two registers: the helper is zero the more often the more they are alike."""
    circuit = QuantumCircuit(2 * size + 1)
    circuit.h(0)
    for qubit in range(1, size + 1):
        other = qubit + size
        circuit.cx(other, qubit)
        circuit.ccx(0, qubit, other)
        circuit.cx(other, qubit)
    circuit.h(0)
    return circuit
