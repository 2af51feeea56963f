"""Quantum Fourier transform in Cirq."""

import cirq


def fourier_transform(qubits=4):
    """Turn amplitudes into phases: a Hadamard a qubit, and smaller and smaller turns."""
    line = cirq.LineQubit.range(qubits)
    circuit = cirq.Circuit()
    for target in range(qubits):
        circuit.append(cirq.H(line[target]))
        for control in range(target + 1, qubits):
            turn = cirq.CZ ** (1 / 2 ** (control - target))
            circuit.append(turn(line[control], line[target]))
    for low in range(qubits // 2):
        circuit.append(cirq.SWAP(line[low], line[qubits - 1 - low]))
    return circuit
