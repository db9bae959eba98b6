// The operations of layers against PyTorch, to second order.

import Foundation
import Tensors
import TestSupport
import Testing

@testable import Autodiff

@Suite struct GoldenTests {
  private struct Golden: Decodable {
    struct Numbers: Decodable {
      let shape: [Int]
      let scalars: [Float]
      var tensor: Tensor { Tensor(scalars, shape: Shape(shape)) }
    }
    let inputs: [Numbers]
    let value: Numbers
    let weights: Numbers
    let directions: [Numbers]
    let gradients: [Numbers]
    let second: [Numbers]
  }

  /// Rounded are values and the gradients that are not recorded; second order is float32.
  @Test(arguments: Arithmetic.onThisMachine(threads: [1, 2]))
  func agreesWithPyTorch(_ arithmetic: Arithmetic) throws {
    let context = try arithmetic.context()
    let file = try #require(
      Bundle.module.url(forResource: "operations", withExtension: "json", subdirectory: "Golden"))
    let golden = try JSONDecoder().decode([String: Golden].self, from: Data(contentsOf: file))
    #expect(golden.count >= 20)
    for (name, expected) in golden {
      let entry = try #require(catalogue.first { $0.name == name }, "no case named \(name)")
      let rounds =
        arithmetic.precision == .bf16 && ["lstm", "relation"].contains { name.contains($0) }
      func agrees(_ found: Tensor, _ expected: Golden.Numbers, within tolerance: Double) -> Bool {
        rounds
          ? distance(of: found, from: expected.tensor, by: .euclidean) < 0.03
          : distance(of: found, from: expected.tensor) < tolerance
      }
      let inputs = expected.inputs.map(\.tensor)
      let probe = Probe(
        entry.body, at: inputs, weights: expected.weights.tensor,
        directions: expected.directions.map(\.tensor), context: context)
      let plain = Probe(entry.body, at: inputs, weights: expected.weights.tensor, context: context)
      #expect(agrees(probe.value, expected.value, within: 1e-5), "\(name)")
      for position in inputs.indices {
        #expect(
          agrees(plain.gradients[position], expected.gradients[position], within: 2e-5),
          "\(name), \(position)")
        #expect(
          distance(of: probe.second[position], from: expected.second[position].tensor) < 5e-5,
          "\(name), second order, \(position)")
      }
    }
  }
}
