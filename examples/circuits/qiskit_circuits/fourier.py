"""Quantum Fourier transform in Qiskit."""

from math import pi

from qiskit import QuantumCircuit


def fourier_transform(qubits=4):
    """Turn amplitudes into phases: a Hadamard a qubit, and smaller and smaller turns."""
    circuit = QuantumCircuit(qubits)
    for target in range(qubits):
        circuit.h(target)
        for control in range(target + 1, qubits):
            circuit.cp(pi / 2 ** (control - target), control, target)
    for low in range(qubits // 2):
        circuit.swap(low, qubits - 1 - low)
    return circuit
