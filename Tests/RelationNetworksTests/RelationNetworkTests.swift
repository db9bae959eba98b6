// What the equation of the relation network promises.

import Autodiff
import NeuralNetworks
import Tensors
import TestSupport
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

  private func pass(_ mode: PassMode = .evaluation) throws -> ForwardPass {
    ForwardPass(values, mode: mode, context: try ComputeContext())
  }

  private func logits(_ objects: Tensor, counts: [Int]? = nil) throws -> Tensor {
    let pass = try pass()
    return network(
      ObjectSet(pass.tape.constant(objects), counts: counts),
      question: pass.tape.constant(question), in: pass
    ).value
  }

  @Test func theFusedRelationIsTheComposition() throws {
    let training = PassMode.training(seed: 1, step: 1, replica: 0)
    let (fused, composed) = (try pass(training), try pass(training))
    let first = network(
      ObjectSet(fused.tape.constant(objects)), question: fused.tape.constant(question), in: fused)
    let second = network.composed(
      composed.tape.constant(objects), question: composed.tape.constant(question), in: composed)
    #expect(distance(of: first.value, from: second.value) < 1e-5)
    let labels: [Int32] = [2, 0, 6]
    let gradients = (
      fused.gradient(of: first.crossEntropy(labels: labels)),
      composed.gradient(of: second.crossEntropy(labels: labels))
    )
    #expect(distance(of: gradients.0, from: gradients.1) < 1e-5)
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
    #expect(distance(of: first, from: second) < 1e-5)
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
}
