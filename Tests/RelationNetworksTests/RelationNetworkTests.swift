// What the equation of the relation network promises.

import Autodiff
import NeuralNetworks
import Tensors
import Testing

@testable import RelationNetworks

@Suite struct RelationNetworkTests {
  let network: RelationNetwork
  let values: ParameterVector
  let objects: Tensor
  let question: Tensor

  init() {
    var layout = ParameterLayout()
    network = RelationNetwork(
      "rn", objectFeatures: 5, questionFeatures: 3, pairWidths: [24, 20, 16],
      readoutWidths: [12, 7], in: &layout)
    values = ParameterVector(initializing: layout, seed: 4)
    var random = CounterRandom(seed: 9, purpose: .trial, index: 0)
    objects = Tensor((0..<3 * 6 * 5).map { _ in random.normal() }, shape: [3, 6, 5])
    question = Tensor((0..<3 * 3).map { _ in random.normal() }, shape: [3, 3])
  }

  private func pass(threads: Int = 1) throws -> ForwardPass {
    ForwardPass(values, mode: .evaluation, context: try ComputeContext(threadCount: threads))
  }

  private func logits(_ objects: Tensor, counts: [Int]? = nil) throws -> Tensor {
    let pass = try pass()
    return network(
      pass.tape.constant(objects), question: pass.tape.constant(question), objectCounts: counts,
      in: pass
    ).value
  }

  @Test func theFusedRelationIsTheComposition() throws {
    let (fused, composed) = (try pass(), try pass())
    let first = network(
      fused.tape.constant(objects), question: fused.tape.constant(question), in: fused)
    let second = network.composed(
      composed.tape.constant(objects), question: composed.tape.constant(question), in: composed)
    #expect(GoldenTests.difference(first.value, second.value) < 1e-5)
    let labels: [Int32] = [2, 0, 6]
    let gradients = (
      fused.gradient(of: first.crossEntropy(labels: labels)),
      composed.gradient(of: second.crossEntropy(labels: labels))
    )
    #expect(GoldenTests.difference(gradients.0, gradients.1) < 1e-5)
  }

  @Test func theOrderOfObjectsDoesNotMatter() throws {
    let order = [4, 1, 5, 0, 3, 2]
    let shuffled = Tensor(shape: objects.shape) { scalars in
      for sample in 0..<3 {
        for (position, object) in order.enumerated() {
          for feature in 0..<5 {
            scalars[(sample * 6 + position) * 5 + feature] =
              objects.scalars[(sample * 6 + object) * 5 + feature]
          }
        }
      }
    }
    let (first, second) = (try logits(objects), try logits(shuffled))
    #expect(GoldenTests.difference(first, second) < 1e-5)
    #expect(first != Tensor.zeros(first.shape))
  }

  @Test func objectsBeyondTheCountDoNotMatter() throws {
    var changed = objects
    changed.withMutableScalars { scalars in
      for feature in 0..<5 {
        scalars[(0 * 6 + 5) * 5 + feature] = 1_000
        scalars[(2 * 6 + 1) * 5 + feature] = -50
      }
    }
    let counts = [5, 6, 1]
    #expect(try logits(objects, counts: counts) == logits(changed, counts: counts))
    #expect(try logits(objects, counts: counts) != logits(objects))
  }

  @Test func namesAreThoseOfPyTorch() {
    let names = values.layout.parameters.map { "\($0.name) \($0.shape)" }
    #expect(
      names == [
        "rn.g.0.weight [24, 13]", "rn.g.0.bias [24]", "rn.g.2.weight [20, 24]", "rn.g.2.bias [20]",
        "rn.g.4.weight [16, 20]", "rn.g.4.bias [16]", "rn.f.0.weight [12, 16]", "rn.f.0.bias [12]",
        "rn.f.2.weight [7, 12]", "rn.f.2.bias [7]",
      ])
  }

  @Test func coordinatesAreRowAndColumn() {
    let tags = ConvolutionalEncoder.coordinates(rows: 5, columns: 5)
    #expect(tags.shape == [25, 2])
    #expect(Array(tags.scalars[0..<6]) == [-1, -1, -1, -0.5, -1, 0])
    #expect(Array(tags.scalars[46..<50]) == [1, 0.5, 1, 1])
  }

  @Test(arguments: [
    ("sort-of-clevr-small", 364_402), ("sort-of-clevr-paper", 20_005_986),
    ("clevr-pixels", 485_061), ("clevr-state", 2_055_517), ("babi", 534_047),
    ("physical", 2_884_200),
  ])
  func benchmarkModelsHaveTheYardstickSize(name: String, count: Int) throws {
    #expect(try BenchmarkModel(name: name).layout.parameterCount == count)
  }

  @Test func unknownNamesListTheKnownOnesClosestFirst() {
    #expect {
      try BenchmarkModel(name: "clever-state")
    } throws: {
      "\($0)".contains("\"clever-state\"; known are clevr-state, ")
    }
  }
}
