// A range of the values and everything that a step does to them: what one server holds.

import CXXHash
import Learning
import NeuralNetworks
import Tensors

/// A range of chunks of a version: its values, Adam's moments of them, and the update.
///
/// A chunk of the values and a chunk of a contribution are about the same scalars. So a slice needs
/// nothing of the others but the norm of the whole gradient, and however a vector is cut into
/// slices, the bits are the same.
struct Slice: Sendable {
  /// The model whose values are cut.
  let layout: ParameterLayout
  /// The chunks of the flat vector that the slice holds.
  let chunks: Range<Int>
  /// The values of the chunks, flat: parameters, then statistics.
  private(set) var values: Tensor
  /// Adam's moments of the parameters among them.
  private(set) var moments: AdamMoments
  /// The mean of the contributions to the step, between `reduce` and `apply`.
  private var mean: Tensor?

  /// The slice of some chunks of a whole vector.
  init(_ chunks: Range<Int>, of layout: ParameterLayout, values: Tensor, moments: AdamMoments) {
    self.layout = layout
    self.chunks = chunks
    let range = Self.range(of: chunks, layout)
    self.values = values.window(from: range.lowerBound, shape: [range.count])
    let parameters = range.clamped(to: 0..<layout.parameterCount)
    self.moments = AdamMoments(
      first: moments.first.window(from: parameters.lowerBound, shape: [parameters.count]),
      second: moments.second.window(from: parameters.lowerBound, shape: [parameters.count]))
  }

  /// How the values of a model are cut for hashing and updating, whatever travels.
  static func chunking(of layout: ParameterLayout) -> Chunking {
    Chunking(count: layout.valueCount)
  }

  /// The positions in the whole vector.
  var range: Range<Int> { Self.range(of: chunks, layout) }

  /// The positions that hold parameters; the others hold statistics.
  private var parameters: Range<Int> { range.clamped(to: 0..<layout.parameterCount) }

  private static func range(of chunks: Range<Int>, _ layout: ParameterLayout) -> Range<Int> {
    let chunking = chunking(of: layout)
    guard !chunks.isEmpty else { return 0..<0 }
    return chunking.range(of: chunks.lowerBound)
      .lowerBound..<chunking.range(of: chunks.upperBound - 1).upperBound
  }

  // MARK: A step

  /// `reduce`: takes the mean of the contributions to the slice, summed in replica order, without
  /// the gradient of what is frozen.
  ///
  /// - Parameter contributions: the slice's part of each replica's, in replica order.
  /// - Returns: the first position in the whole vector where the mean is not finite.
  mutating func reduce(_ contributions: [Tensor], _ trained: Trained) -> Int? {
    let (mean, firstNotFinite) = Training.reduce(contributions)
    if let firstNotFinite { return range.lowerBound + firstNotFinite }
    self.mean = mean
    if !trained.frozenParameters.isEmpty { clear(trained.frozenParameters) }
    return nil
  }

  /// The sums of squares of the chunks of the mean gradient, whose sum in the order of all chunks
  /// is the square of its norm.
  func squares() -> [Double] {
    guard let mean, !parameters.isEmpty else { return [] }
    return GlobalNorm.squares(of: mean.window(from: 0, shape: [parameters.count]))
  }

  /// `update`: scales the mean gradient, applies Adam to what is trained, folds the statistics in.
  ///
  /// - Returns: the hash of each chunk of the new values.
  mutating func apply(
    _ update: AdamStep, coefficient: Float, _ trained: Trained
  ) -> [UInt64] {
    guard var gradient = mean else { preconditionFailure("a slice is applied before its mean") }
    mean = nil
    if coefficient < 1 {
      let count = parameters.count
      gradient.withMutableScalars { scalars in
        for i in 0..<count { scalars[i] *= coefficient }
      }
    }
    for part in own(trained.parameters) { Self.move(&values, &moments, gradient, part, update) }
    let folded = own(trained.statistics)
    ParameterVector.fold(gradient, into: &values, folded)
    return hashes()
  }

  /// The parts of some ranges of the whole vector that lie in the slice, counted from its start.
  private func own(_ ranges: [Range<Int>]) -> [Range<Int>] {
    let (whole, start) = (range, range.lowerBound)
    return ranges.map { $0.clamped(to: whole) }.filter { !$0.isEmpty }
      .map { $0.lowerBound - start..<$0.upperBound - start }
  }

  private static func move(
    _ values: inout Tensor, _ moments: inout AdamMoments, _ gradient: Tensor, _ range: Range<Int>,
    _ update: AdamStep
  ) {
    values.withMutableScalars { values in
      moments.first.withMutableScalars { first in
        moments.second.withMutableScalars { second in
          gradient.withScalars { gradient in
            update.update(
              UnsafeMutableBufferPointer(rebasing: values[range]),
              first: UnsafeMutableBufferPointer(rebasing: first[range]),
              second: UnsafeMutableBufferPointer(rebasing: second[range]),
              gradient: UnsafeBufferPointer(rebasing: gradient[range]))
          }
        }
      }
    }
  }

  private mutating func clear(_ frozen: [Range<Int>]) {
    let parts = own(frozen)
    mean?.withMutableScalars { scalars in
      for part in parts {
        UnsafeMutableBufferPointer(rebasing: scalars[part]).update(repeating: 0)
      }
    }
  }

  /// The hash of each chunk of the values.
  func hashes() -> [UInt64] {
    let chunking = Self.chunking(of: layout)
    let start = range.lowerBound
    return values.withScalars { scalars in
      chunks.map { chunk in
        let range = chunking.range(of: chunk)
        let own = range.lowerBound - start..<range.upperBound - start
        let bytes = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: scalars[own]))
        return relate_xxh3(bytes.baseAddress, bytes.count)
      }
    }
  }
}

/// `reduce`: the mean of some vectors, summed in their order whoever computed what, and the first
/// position where it is not finite.
func reduce(_ contributions: [Tensor]) -> (mean: Tensor, firstNotFinite: Int?) {
  var firstNotFinite: Int?
  let mean = Tensor(shape: contributions[0].shape) { mean in
    /// All contributions are read in one pass, so all their pointers have to be valid at once.
    func open(_ index: Int, _ opened: [UnsafeBufferPointer<Float>]) {
      guard index < contributions.count else {
        firstNotFinite = Kernels.mean(of: opened, into: mean)
        return
      }
      contributions[index].withScalars { open(index + 1, opened + [$0]) }
    }
    open(0, [])
  }
  return (mean, firstNotFinite)
}

extension ParameterVector {
  /// The values as one vector: parameters, then statistics.
  var flat: Tensor {
    Tensor(shape: [layout.valueCount]) { flat in
      parameters.withScalars { parameters in
        statistics.withScalars { statistics in
          _ = flat.initialize(from: parameters)
          let rest = UnsafeMutableBufferPointer(rebasing: flat[parameters.count...])
          _ = rest.initialize(from: statistics)
        }
      }
    }
  }

  /// The values in one vector, without copying.
  init(layout: ParameterLayout, flat: Tensor) {
    self.init(
      layout: layout, parameters: flat.window(from: 0, shape: [layout.parameterCount]),
      statistics: flat.window(from: layout.parameterCount, shape: [layout.statisticCount]))
  }
}
