// Convolutions, each with batch normalisation and ReLU, on blocks of sixteen images side by side.

import CKernels

/// The operands of a stack of convolutions, in their order: the images, then weight, bias, scale
/// and offset of each layer.
public struct ConvolutionStackOperands {
  /// `[batch, channels, height, width]`.
  public let images: Tensor
  /// `[out, in, kh, kw]` of each layer.
  public let weights: [Tensor]
  /// `[out]` of each layer, added before the normalisation.
  public let biases: [Tensor]
  /// `[out]` of each layer, the normalisation's.
  public let scales: [Tensor]
  /// `[out]` of each layer, the normalisation's.
  public let offsets: [Tensor]

  /// The operands, told apart.
  public init(_ operands: [Tensor]) {
    require(
      operands.count > 1 && operands.count % 4 == 1, "convolutions: \(operands.count) operands")
    func every(_ position: Int) -> [Tensor] {
      stride(from: position, to: operands.count, by: 4).map { operands[$0] }
    }
    images = operands[0]
    weights = every(1)
    biases = every(2)
    scales = every(3)
    offsets = every(4)
  }
}

/// What a stack computes, and what its gradient is made from.
public struct ConvolutionStackResult {
  /// The last feature map, `[batch, channels, height, width]`.
  public let output: Tensor
  /// The mean of each layer's channels, before normalisation.
  public let means: [Tensor]
  /// The biased variance of each layer's channels, before normalisation.
  public let variances: [Tensor]
  /// Each layer's input and convolution, in blocks.
  let blocks: [Tensor]

  /// Everything but the output: means, variances, inputs and convolutions.
  public var saved: [Tensor] { means + variances + blocks }

  /// A result whose parts but the output come from `saved`.
  init(saved: [Tensor], layers: Int) {
    output = .zeros([0])
    means = Array(saved[..<layers])
    variances = Array(saved[layers..<2 * layers])
    blocks = Array(saved[(2 * layers)...])
  }

  init(output: Tensor, means: [Tensor], variances: [Tensor], blocks: [Tensor]) {
    self.output = output
    self.means = means
    self.variances = variances
    self.blocks = blocks
  }

  func input(_ layer: Int) -> Tensor { blocks[2 * layer] }
  func convolution(_ layer: Int) -> Tensor { blocks[2 * layer + 1] }
}

extension Kernels {
  /// ReLU of batch normalisation of convolution, layer after layer, over square or other images.
  ///
  /// Between the layers the images stay in blocks of sixteen side by side, so that neither few
  /// channels nor small images keep a vector from being full, and no patch is ever copied.
  public static func convolutionStack(
    _ operands: ConvolutionStackOperands, _ geometry: ConvolutionGeometry, epsilon: Float,
    context: ComputeContext
  ) -> ConvolutionStackResult {
    let layers = ConvolutionLayer.layers(operands, geometry)
    var means: [Tensor] = []
    var variances: [Tensor] = []
    var blocks: [Tensor] = []
    var input = blocked(operands.images, layers[0].input, context)
    for (index, layer) in layers.enumerated() {
      let convolved = layer.convolve(
        input, weight: operands.weights[index], bias: operands.biases[index], context)
      let (mean, variance) = layer.statistics(convolved, context)
      blocks += [input, convolved]
      means.append(mean)
      variances.append(variance)
      let channels = ChannelNormalization(
        mean: mean, variance: variance, scale: operands.scales[index],
        offset: operands.offsets[index], epsilon: epsilon)
      let border =
        index + 1 < layers.count ? layers[index + 1].input : layer.output
      input = layer.normalize(convolved, channels, into: border, context)
    }
    let last = layers[layers.count - 1]
    return ConvolutionStackResult(
      output: unblocked(input, last.output, batch: last.batch, context), means: means,
      variances: variances, blocks: blocks)
  }
}

/// The factors of a batch normalisation: (y - mean) · factor + offset.
struct ChannelNormalization: Sendable {
  let mean: Tensor
  let scale: Tensor
  let offset: Tensor
  /// 1 / σ of each channel.
  let inverses: [Float]

  init(mean: Tensor, variance: Tensor, scale: Tensor, offset: Tensor, epsilon: Float) {
    self.mean = mean
    self.scale = scale
    self.offset = offset
    inverses = variance.scalars.map { 1 / ($0 + epsilon).squareRoot() }
  }

  func channel(_ index: Int) -> relate_block_normalization {
    relate_block_normalization(
      mean: mean.address[index], factor: scale.address[index] * inverses[index],
      offset: offset.address[index])
  }
}

/// One convolution of a stack: its extents, and where the scalars of its patches lie in a block.
struct ConvolutionLayer: Sendable {
  let batch: Int
  let geometry: ConvolutionGeometry
  let kernelHeight: Int
  let kernelWidth: Int
  /// The input with a border of zeros, so that no patch reaches beyond it.
  let input: relate_block_shape
  /// The output without a border.
  let output: relate_block_shape
  /// The output's gradient with the border that the input's gradient reaches into.
  let gradient: relate_block_shape

  static func layers(
    _ operands: ConvolutionStackOperands, _ geometry: ConvolutionGeometry
  ) -> [ConvolutionLayer] {
    var layers: [ConvolutionLayer] = []
    var shape = operands.images.shape
    for weight in operands.weights {
      let layer = ConvolutionLayer(shape, weight.shape, geometry)
      layers.append(layer)
      shape = [layer.batch, layer.output.channels, layer.output.height, layer.output.width]
    }
    return layers
  }

  init(_ image: Shape, _ weight: Shape, _ geometry: ConvolutionGeometry) {
    require(
      image.rank == 4 && weight.rank == 4 && image[1] == weight[1],
      "convolution: \(image) with weight \(weight)")
    let (stride, padding) = (geometry.stride, geometry.padding)
    let height = geometry.outputExtent(of: image[2], kernel: weight[2])
    let width = geometry.outputExtent(of: image[3], kernel: weight[3])
    // How far the last patch reaches beyond the image, and the image's last pixel beyond the
    // patches.
    func reach(_ outputs: Int, _ extent: Int, _ kernel: Int) -> Int {
      max(0, (outputs - 1) * stride + kernel - padding - extent)
    }
    func rest(_ outputs: Int, _ extent: Int) -> Int {
      max(0, (extent - 1 + padding) / stride - (outputs - 1))
    }
    batch = image[0]
    self.geometry = geometry
    (kernelHeight, kernelWidth) = (weight[2], weight[3])
    input = relate_block_shape(
      channels: image[1], height: image[2], width: image[3], before: padding,
      after: max(reach(height, image[2], weight[2]), reach(width, image[3], weight[3])))
    output = relate_block_shape(
      channels: weight[0], height: height, width: width, before: 0, after: 0)
    let overlap = max(0, max(weight[2], weight[3]) - 1 - padding)
    gradient = relate_block_shape(
      channels: weight[0], height: height, width: width, before: (overlap + stride - 1) / stride,
      after: max(rest(height, image[2]), rest(width, image[3])))
  }

  var blockCount: Int { Lanes.vectors(of: batch) }
  var taps: Int { input.channels * kernelHeight * kernelWidth }

  /// The images of a block.
  func images(of block: Int) -> Int { min(Lanes.count, batch - block * Lanes.count) }

  /// Runs `body` for every block and every channel of the output, as many chunks as those.
  func forEachChannel(_ context: ComputeContext, _ body: @Sendable (Int, Int) -> Void) {
    let channels = output.channels
    context.threads.run(chunks: blockCount * channels) { body($0 / channels, $0 % channels) }
  }

  /// The convolution with its bias, without a border.
  func convolve(
    _ x: Tensor, weight: Tensor, bias: Tensor, _ context: ComputeContext
  ) -> Tensor {
    let offsets = patchOffsets()
    let weights = Lanes.grouped(weight, outputs: output.channels, inputs: taps) { $0 * taps + $1 }
    let biases = Lanes.filledUp(bias)
    return Tensor(
      shape: [blockCount, output.scalarCount],
      pointer: { out in
        let (source, result) = (SharedInput(x), SharedPointer(out))
        let bands = min(4, output.height)
        context.threads.run(chunks: blockCount * bands) { chunk in
          let (block, rows) = (chunk / bands, part(chunk % bands, of: bands, in: output.height))
          let image = source + block * input.scalarCount
          let target = result + block * output.scalarCount
          for y in rows {
            relate_multiply_lanes(
              taps, offsets, weights.address, biases.address,
              image + y * geometry.stride * input.rowStride, geometry.stride * Lanes.count,
              output.width, output.channels, target + y * output.rowStride, Lanes.count,
              output.channelStride)
          }
        }
        extendLifetime(x)
        extendLifetime(weights)
        extendLifetime(biases)
      })
  }

  /// The mean and the biased variance of every channel.
  func statistics(_ y: Tensor, _ context: ComputeContext) -> (mean: Tensor, variance: Tensor) {
    let moments = moments(context) { block, channel, result in
      relate_block_moments(
        output.height * output.width, images(of: block),
        y.address + block * output.scalarCount + channel * output.channelStride, result)
    }
    let count = Double(batch * output.height * output.width)
    let means = moments.map { $0.0 / count }
    let variances = zip(moments, means).map { moments, mean in
      let variance = moments.1 / count - mean * mean
      // Rounding may leave less than nothing; `max` would take not-a-number for that, too.
      return variance < 0 ? 0 : variance
    }
    return (
      Tensor(means.map { Float($0) }, shape: [output.channels]),
      Tensor(variances.map { Float($0) }, shape: [output.channels])
    )
  }

  /// Two sums for every channel: those of its blocks, which `body` writes, added up in order.
  func moments(
    _ context: ComputeContext, _ body: @Sendable (Int, Int, UnsafeMutablePointer<Double>) -> Void
  ) -> [(Double, Double)] {
    let channels = output.channels
    // Pairs of doubles in the memory of four floats.
    let storage = TensorStorage(count: 4 * blockCount * channels)
    let start = SharedPointer(storage.scalars)
    @Sendable func pair(_ block: Int, _ channel: Int) -> UnsafeMutablePointer<Double> {
      UnsafeMutableRawPointer(start + 4 * (block * channels + channel))
        .bindMemory(to: Double.self, capacity: 2)
    }
    forEachChannel(context) { body($0, $1, pair($0, $1)) }
    return withExtendedLifetime(storage) {
      (0..<channels).map { channel in
        (0..<blockCount).reduce((0, 0)) { sums, block in
          let next = pair(block, channel)
          return (sums.0 + next[0], sums.1 + next[1])
        }
      }
    }
  }

  /// ReLU of the normalised convolution, in the next layer's border.
  func normalize(
    _ y: Tensor, _ channels: ChannelNormalization, into target: relate_block_shape,
    _ context: ComputeContext
  ) -> Tensor {
    Tensor(
      shape: [blockCount, target.scalarCount],
      pointer: { out in
        let (source, result) = (SharedInput(y), SharedPointer(out))
        forEachChannel(context) { block, channel in
          withUnsafePointer(to: target) { shape in
            withUnsafePointer(to: channels.channel(channel)) { normalization in
              relate_block_normalize_relu(
                shape, normalization,
                source + block * output.scalarCount + channel * output.channelStride,
                result + block * target.scalarCount + channel * target.channelStride)
            }
          }
        }
        extendLifetime(y)
      })
  }
}
