// Every operation's first and second derivative against differences.

import Tensors
import Testing

@testable import Autodiff

@Suite struct CatalogueTests {
  @Test(arguments: catalogue)
  func derivativesAgreeWithDifferences(_ entry: CatalogueCase) {
    let inputs = entry.inputs()
    let v = inputs.enumerated().map { noise($1.shape, 200 + UInt64($0)) }
    let u = inputs.enumerated().map { noise($1.shape, 300 + UInt64($0)) }
    let probe = Probe(entry.body, at: inputs, directions: v)
    let weights = noise(probe.value.shape, 99)

    let first = dot(probe.gradients, v)
    let firstByDifferences = slope { h in
      dot(Probe(entry.body, at: moved(inputs, v, by: h)).value, weights)
    }
    #expect(isClose(first, firstByDifferences), "\(first), by differences \(firstByDifferences)")

    let second = dot(probe.second, u)
    let secondByDifferences = slope { h in
      dot(Probe(entry.body, at: moved(inputs, u, by: h)).gradients, v)
    }
    #expect(
      isClose(second, secondByDifferences), "\(second), by differences \(secondByDifferences)")
  }

  @Test(arguments: catalogue)
  func recordingChangesNoGradient(_ entry: CatalogueCase) {
    let inputs = entry.inputs()
    let plain = Probe(entry.body, at: inputs).gradients
    let recorded = Probe(entry.body, at: inputs, directions: inputs).gradients
    for (a, b) in zip(plain, recorded) { expectClose(a, b, tolerance: 1e-5) }
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

/// Expects two tensors to agree to a tolerance relative to the larger one's largest element.
func expectClose(
  _ a: Tensor, _ b: Tensor, tolerance: Float, _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard a.shape == b.shape else {
    Issue.record("\(a.shape) and \(b.shape)", sourceLocation: sourceLocation)
    return
  }
  let scale = max(1, b.scalars.map(abs).max() ?? 0)
  let error = zip(a.scalars, b.scalars).map { abs($0 - $1) }.max() ?? 0
  #expect(error <= tolerance * scale, comment, sourceLocation: sourceLocation)
}
