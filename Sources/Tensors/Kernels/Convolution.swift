// Two-dimensional convolution and its two derivatives, as matrix products over columns of patches.

import CKernels

/// How a kernel moves over an image.
public struct ConvolutionGeometry: Hashable, Sendable {
  /// The distance between neighbouring patches.
  public let stride: Int
  /// The zeros on every side.
  public let padding: Int

  /// A movement of the given stride and padding.
  public init(stride: Int, padding: Int) {
    require(stride > 0 && padding >= 0, "convolution: stride \(stride), padding \(padding)")
    self.stride = stride
    self.padding = padding
  }

  /// How many patches lie along an axis: (extent + 2 padding - kernel) / stride + 1, rounded down.
  ///
  /// Traps if the kernel is longer than the image with its padding.
  public func outputExtent(of extent: Int, kernel: Int) -> Int {
    let room = extent + 2 * padding - kernel
    require(
      room >= 0, "convolution: a kernel of \(kernel) on \(extent) with padding \(padding)")
    return room / stride + 1
  }
}

/// The extents of a convolution and how its work is cut up.
///
/// The patches of several images make one matrix of columns, `[in · kh · kw, images · patches]`, so
/// that small images, too, make products worth the engine's while.
private struct ConvolutionPlan: Sendable {
  let batch: Int
  let outputs: Int
  let patchSize: Int
  let patches: Int
  let shape: relate_convolution_shape
  /// Images per product: about a thousand patches' worth.
  let imagesPerGroup: Int
  let groupCount: Int
  /// Parts of the batch that threads share, fixed by the batch so that sums are, too.
  let chunkCount: Int

  init(image: Shape, weight: Shape, output: Shape, _ geometry: ConvolutionGeometry) {
    require(
      image.rank == 4 && weight.rank == 4 && image[1] == weight[1] && output[1] == weight[0],
      "convolution: \(image) with weight \(weight)")
    require(
      geometry.outputExtent(of: image[2], kernel: weight[2]) == output[2]
        && geometry.outputExtent(of: image[3], kernel: weight[3]) == output[3],
      "convolution: \(image) with weight \(weight) does not give \(output)")
    batch = image[0]
    outputs = weight[0]
    patchSize = weight[1] * weight[2] * weight[3]
    patches = output[2] * output[3]
    shape = relate_convolution_shape(
      channels: image[1], height: image[2], width: image[3], kernel_height: weight[2],
      kernel_width: weight[3], stride: geometry.stride, padding: geometry.padding,
      out_height: output[2], out_width: output[3])
    imagesPerGroup = max(1, min(max(batch / 8, 1), 1024 / max(patches, 1)))
    groupCount = (batch + imagesPerGroup - 1) / imagesPerGroup
    chunkCount = min(8, groupCount)
  }

  var imageSize: Int { shape.channels * shape.height * shape.width }

  /// The images of each group of a chunk.
  func groups(of chunk: Int) -> [Range<Int>] {
    part(chunk, of: chunkCount, in: groupCount).map {
      $0 * imagesPerGroup..<min(batch, ($0 + 1) * imagesPerGroup)
    }
  }

  func writeColumns(
    of images: Range<Int>, _ x: SharedInput, into columns: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: shape) { shape in
      for (i, image) in images.enumerated() {
        relate_image_to_columns(
          shape, x + image * imageSize, columns + i * patches, images.count * patches)
      }
    }
  }

  /// From `[images, outputs, patches]` to `[outputs, images · patches]`.
  func gather(
    _ images: Range<Int>, _ gradient: SharedInput, into rows: UnsafeMutablePointer<Float>
  ) {
    for (i, image) in images.enumerated() {
      for output in 0..<outputs {
        (rows + (output * images.count + i) * patches).update(
          from: gradient + (image * outputs + output) * patches, count: patches)
      }
    }
  }
}

extension Kernels {
  /// The convolution of `x` `[batch, in, h, w]` with `weight` `[out, in, kh, kw]`, plus `bias`
  /// `[out]`.
  public static func convolution(
    _ x: Tensor, weight: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry,
    context: ComputeContext
  ) -> Tensor {
    let output: Shape = [
      x.shape[0], weight.shape[0],
      geometry.outputExtent(of: x.shape[2], kernel: weight.shape[2]),
      geometry.outputExtent(of: x.shape[3], kernel: weight.shape[3]),
    ]
    let plan = ConvolutionPlan(image: x.shape, weight: weight.shape, output: output, geometry)
    let bias = bias ?? .zeros([plan.outputs])
    require(
      bias.count == plan.outputs, "convolution: bias \(bias.shape) with weight \(weight.shape)")
    return Tensor(
      shape: output,
      pointer: { out in
        let (image, kernel) = (SharedInput(x), SharedInput(weight))
        let (biases, result) = (SharedInput(bias), SharedPointer(out))
        context.threads.run(chunks: plan.chunkCount) { chunk in
          let width = plan.imagesPerGroup * plan.patches
          withScratch((plan.patchSize + plan.outputs) * width) { scratch in
            let product = scratch + plan.patchSize * width
            for images in plan.groups(of: chunk) {
              let columns = images.count * plan.patches
              plan.writeColumns(of: images, image, into: scratch)
              context.engine.multiply(
                plan.outputs, columns, plan.patchSize, kernel.pointer, stride: plan.patchSize,
                scratch, stride: columns, into: product, stride: columns)
              for (i, image) in images.enumerated() {
                for output in 0..<plan.outputs {
                  relate_unary(
                    RELATE_OFFSET, plan.patches,
                    product + (output * images.count + i) * plan.patches,
                    biases.pointer[output], result + (image * plan.outputs + output) * plan.patches)
                }
              }
            }
          }
        }
        extendLifetime(x)
        extendLifetime(weight)
        extendLifetime(bias)
      })
  }

  /// The derivative of the convolution with respect to its image, `[batch, in, height, width]`.
  public static func convolutionInputGradient(
    _ gradient: Tensor, weight: Tensor, _ geometry: ConvolutionGeometry, height: Int, width: Int,
    context: ComputeContext
  ) -> Tensor {
    let image: Shape = [gradient.shape[0], weight.shape[1], height, width]
    let plan = ConvolutionPlan(
      image: image, weight: weight.shape, output: gradient.shape, geometry)
    return Tensor(
      shape: image,
      pointer: { out in
        let (upstream, kernel) = (SharedInput(gradient), SharedInput(weight))
        let result = SharedPointer(out)
        context.threads.run(chunks: plan.chunkCount) { chunk in
          let width = plan.imagesPerGroup * plan.patches
          withScratch((plan.patchSize + plan.outputs) * width) { scratch in
            let rows = scratch + plan.patchSize * width
            for images in plan.groups(of: chunk) {
              let columns = images.count * plan.patches
              plan.gather(images, upstream, into: rows)
              context.engine.multiply(
                transposeA: true, plan.patchSize, columns, plan.outputs, kernel.pointer,
                stride: plan.patchSize, rows, stride: columns, into: scratch, stride: columns)
              for (i, image) in images.enumerated() {
                let target = result + image * plan.imageSize
                target.update(repeating: 0, count: plan.imageSize)
                withUnsafePointer(to: plan.shape) {
                  relate_columns_to_image($0, scratch + i * plan.patches, columns, target)
                }
              }
            }
          }
        }
        extendLifetime(gradient)
        extendLifetime(weight)
      })
  }

  /// The derivative of the convolution with respect to its weight, `[out, in, height, width]`.
  public static func convolutionWeightGradient(
    _ x: Tensor, gradient: Tensor, _ geometry: ConvolutionGeometry, height: Int, width: Int,
    context: ComputeContext
  ) -> Tensor {
    let weight: Shape = [gradient.shape[1], x.shape[1], height, width]
    let plan = ConvolutionPlan(
      image: x.shape, weight: weight, output: gradient.shape, geometry)
    let count = weight.count
    let partial = Output(zeros: [plan.chunkCount, count])
    let (image, upstream, sums) = (SharedInput(x), SharedInput(gradient), partial.shared)
    context.threads.run(chunks: plan.chunkCount) { chunk in
      let width = plan.imagesPerGroup * plan.patches
      withScratch((plan.patchSize + plan.outputs) * width) { scratch in
        let rows = scratch + plan.patchSize * width
        for images in plan.groups(of: chunk) {
          let columns = images.count * plan.patches
          plan.writeColumns(of: images, image, into: scratch)
          plan.gather(images, upstream, into: rows)
          context.engine.multiply(
            transposeB: true, plan.outputs, plan.patchSize, columns, rows, stride: columns,
            scratch, stride: columns, accumulating: true, into: sums + chunk * count,
            stride: plan.patchSize)
        }
      }
    }
    extendLifetime(x)
    extendLifetime(gradient)
    return sum(partial.tensor, over: [0]).reshaped(to: weight)
  }
}
