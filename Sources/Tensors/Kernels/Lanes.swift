// Vectors of sixteen numbers, one for each image or sequence, and the weights that multiply them.

import CKernels

/// What is computed side by side: each lane of a vector belongs to an image of a block or to a
/// sequence of a chunk.
enum Lanes {
  /// The lanes of a vector.
  static let count = Int(RELATE_LANES)
  /// The outputs that are computed at once.
  static let group = Int(RELATE_LANE_GROUP)

  /// The vectors that have lanes for so many members.
  static func vectors(of members: Int) -> Int { (members + count - 1) / count }

  /// Weights in groups of eight outputs, `[groups, inputs, 8]`; zeros where there is no output.
  ///
  /// `place` gives each one's place in `weight`.
  static func grouped(
    _ weight: Tensor, outputs: Int, inputs: Int, _ place: (_ output: Int, _ input: Int) -> Int
  ) -> Tensor {
    let groups = (outputs + group - 1) / group
    return Tensor(
      shape: [groups, inputs, group],
      pointer: { out in
        out.update(repeating: 0, count: groups * inputs * group)
        weight.withScalars { weight in
          for output in 0..<outputs {
            let start = output / group * inputs * group + output % group
            for input in 0..<inputs { out[start + input * group] = weight[place(output, input)] }
          }
        }
      })
  }

  /// Zeros after the last scalar up to a whole group.
  static func filledUp(_ x: Tensor) -> Tensor {
    let count = (x.count + group - 1) / group * group
    return x.count == count ? x : Kernels.pad(x, axis: 0, before: 0, after: count - x.count)
  }
}
