// Every operation's first and second derivative against differences.

import Tensors
import TestSupport
import Testing

@testable import Autodiff

@Suite struct CatalogueTests {
  @Test(arguments: catalogue, Arithmetic.onThisMachine(in: [.fp32], threads: [1, 2]))
  func derivativesAgreeWithDifferences(_ entry: CatalogueCase, _ arithmetic: Arithmetic) throws {
    let context = try arithmetic.context()
    let inputs = entry.inputs()
    let v = inputs.enumerated().map { noise($1.shape, 200 + UInt64($0)) }
    let u = inputs.enumerated().map { noise($1.shape, 300 + UInt64($0)) }
    let probe = Probe(entry.body, at: inputs, directions: v, context: context)
    let weights = noise(probe.value.shape, 99)

    let first = dot(probe.gradients, v)
    let firstByDifferences = slope { h in
      dot(Probe(entry.body, at: moved(inputs, v, by: h), context: context).value, weights)
    }
    #expect(isClose(first, firstByDifferences), "\(first), by differences \(firstByDifferences)")

    let second = dot(probe.second, u)
    let secondByDifferences = slope { h in
      dot(Probe(entry.body, at: moved(inputs, u, by: h), context: context).gradients, v)
    }
    #expect(
      isClose(second, secondByDifferences), "\(second), by differences \(secondByDifferences)")
  }

  @Test(arguments: catalogue, Arithmetic.onThisMachine(in: [.fp32]))
  func recordingChangesNoGradient(_ entry: CatalogueCase, _ arithmetic: Arithmetic) throws {
    let context = try arithmetic.context()
    let inputs = entry.inputs()
    let plain = Probe(entry.body, at: inputs, context: context).gradients
    let recorded = Probe(entry.body, at: inputs, directions: inputs, context: context).gradients
    for position in inputs.indices {
      let scale = entry.isWithoutInfluence(position) ? plain[position - 1] : nil
      #expect(
        distance(of: recorded[position], from: plain[position], relativeTo: scale) < 1e-5,
        "input \(position)")
    }
  }

  @Test func everyOperationIsInTheCatalogue() {
    let seen = catalogue.reduce(into: Set<Operation.Kind>()) { seen, entry in
      seen.formUnion(Probe(entry.body, at: entry.inputs()).kinds)
    }
    let missing = Operation.Kind.allCases.filter { !seen.contains($0) }
    #expect(missing.isEmpty, "no case for \(missing)")
  }

  private func isClose(_ a: Double, _ b: Double) -> Bool {
    abs(a - b) <= 1e-3 * max(0.3, abs(a), abs(b))
  }
}
