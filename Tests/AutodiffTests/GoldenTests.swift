// The operations of layers against PyTorch, to second order.

import Foundation
import Tensors
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

  @Test func agreesWithPyTorch() throws {
    let file = try #require(
      Bundle.module.url(forResource: "operations", withExtension: "json", subdirectory: "Golden"))
    let golden = try JSONDecoder().decode([String: Golden].self, from: Data(contentsOf: file))
    #expect(golden.count >= 20)
    for (name, expected) in golden {
      let entry = try #require(catalogue.first { $0.name == name }, "no case named \(name)")
      let probe = Probe(
        entry.body, at: expected.inputs.map(\.tensor), weights: expected.weights.tensor,
        directions: expected.directions.map(\.tensor))
      let plain = Probe(
        entry.body, at: expected.inputs.map(\.tensor), weights: expected.weights.tensor)
      expectClose(probe.value, expected.value.tensor, tolerance: 1e-5, "\(name)")
      for (position, gradient) in expected.gradients.enumerated() {
        expectClose(
          plain.gradients[position], gradient.tensor, tolerance: 2e-5, "\(name), \(position)")
        expectClose(
          probe.second[position], expected.second[position].tensor, tolerance: 5e-5,
          "\(name), second order, \(position)")
      }
    }
  }
}
