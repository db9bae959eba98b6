// How blocks of images are laid out, and where the scalars of their patches are.

import CKernels

extension relate_block_shape {
  /// The scalars from one row to the next.
  var rowStride: Int { (before + width + after) * Lanes.count }
  /// The scalars from one channel to the next.
  var channelStride: Int { (before + height + after) * rowStride }
  /// The scalars of a block.
  var scalarCount: Int { channels * channelStride }
  /// The scalars before the first element inside the border.
  var borderOffset: Int { before * (rowStride + Lanes.count) }
}

extension Kernels {
  /// `[batch, channels, height, width]` in blocks, `[blocks, scalars]`.
  static func blocked(
    _ x: Tensor, _ shape: relate_block_shape, _ context: ComputeContext
  ) -> Tensor {
    let (batch, lanes) = (x.shape[0], Lanes.count)
    let blocks = Lanes.vectors(of: batch)
    let size = shape.channels * shape.height * shape.width
    return Tensor(
      shape: [blocks, shape.scalarCount],
      pointer: { out in
        let (source, result) = (SharedInput(x), SharedPointer(out))
        context.threads.run(chunks: blocks) { block in
          withUnsafePointer(to: shape) {
            relate_block_from_images(
              $0, min(lanes, batch - block * lanes), source + block * lanes * size,
              result + block * shape.scalarCount)
          }
        }
        extendLifetime(x)
      })
  }

  /// Blocks as `[batch, channels, height, width]`.
  static func unblocked(
    _ x: Tensor, _ shape: relate_block_shape, batch: Int, _ context: ComputeContext
  ) -> Tensor {
    let lanes = Lanes.count
    let size = shape.channels * shape.height * shape.width
    return Tensor(
      shape: [batch, shape.channels, shape.height, shape.width],
      pointer: { out in
        let (source, result) = (SharedInput(x), SharedPointer(out))
        context.threads.run(chunks: x.shape[0]) { block in
          withUnsafePointer(to: shape) {
            relate_block_to_images(
              $0, min(lanes, batch - block * lanes), source + block * shape.scalarCount,
              result + block * lanes * size)
          }
        }
        extendLifetime(x)
      })
  }
}

/// The pixels of an input whose gradient comes from the same taps: those whose rows and columns
/// leave the same remainders by the stride.
struct InputPhase: Sendable {
  /// The first column.
  let column: Int
  /// Where the gradient of each (output, tap) lies, from the first row and column on.
  let offsets: [Int32]
  /// The weights of those, in groups of input channels.
  let weights: Tensor
}

extension ConvolutionLayer {
  /// Where the inputs of a patch lie, from its first one on: channels, rows, columns.
  func patchOffsets() -> [Int32] {
    var offsets: [Int32] = []
    for channel in 0..<input.channels {
      for y in 0..<kernelHeight {
        for x in 0..<kernelWidth {
          offsets.append(
            Int32(channel * input.channelStride + y * input.rowStride + x * Lanes.count))
        }
      }
    }
    return offsets
  }

  /// The phases of the input's gradient, row by row: `stride` times `stride` of them.
  func inputPhases(_ weight: Tensor) -> [InputPhase] {
    let (stride, padding) = (geometry.stride, geometry.padding)
    let kernel = kernelHeight * kernelWidth
    let phases = Array(0..<stride * stride)
    return phases.map { phase in
      let (row, column) = (phase / stride, phase % stride)
      var offsets: [Int32] = []
      var places: [Int] = []
      for output in 0..<output.channels {
        for y in 0..<kernelHeight where (row + padding - y) % stride == 0 {
          for x in 0..<kernelWidth where (column + padding - x) % stride == 0 {
            offsets.append(
              Int32(
                output * gradient.channelStride + gradient.borderOffset
                  + (row + padding - y) / stride * gradient.rowStride
                  + (column + padding - x) / stride * Lanes.count))
            places.append(output * taps + y * kernelWidth + x)
          }
        }
      }
      let weights = Lanes.grouped(weight, outputs: input.channels, inputs: places.count) {
        places[$1] + $0 * kernel
      }
      return InputPhase(column: column, offsets: offsets, weights: weights)
    }
  }
}
