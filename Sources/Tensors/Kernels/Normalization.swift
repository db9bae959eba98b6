// Batch and layer normalisation.

import CKernels

extension Kernels {
  /// The extents of a batch normalisation: `[images, channels, inner]`.
  private struct Channels: Sendable {
    let images: Int
    let channels: Int
    let inner: Int
    var count: Int { images * inner }

    init(_ shape: Shape) {
      require(shape.rank >= 2, "batch normalisation of \(shape)")
      images = shape[0]
      channels = shape[1]
      inner = shape.dimensions.dropFirst(2).reduce(1, *)
    }

    /// Calls `body` with the start of each run of a channel's elements, in order of images.
    func forEachRun(of channel: Int, _ body: (Int) -> Void) {
      for image in 0..<images { body((image * channels + channel) * inner) }
    }

    /// Runs `body` for every channel, shared out in eight chunks.
    func forEachChannel(_ context: ComputeContext, _ body: @Sendable (Int) -> Void) {
      let chunks = min(8, channels)
      context.threads.run(chunks: chunks) { chunk in
        for channel in part(chunk, of: chunks, in: channels) { body(channel) }
      }
    }
  }

  /// Channels last and alone make runs of one element; `[channels, rows]` makes long ones.
  private static func isMatrix(_ x: Tensor) -> Bool {
    x.shape.dimensions.dropFirst(2).allSatisfy { $0 == 1 } && x.shape[0] > 1
  }

  private static func asOneImage(_ x: Tensor) -> Tensor {
    let columns = transpose(x.reshaped(to: [x.shape[0], x.shape[1]]), [1, 0])
    return columns.reshaped(to: [1, x.shape[1], x.shape[0]])
  }

  private static func fromOneImage(_ x: Tensor, _ shape: Shape) -> Tensor {
    transpose(x.reshaped(to: [shape[1], shape[0]]), [1, 0]).reshaped(to: shape)
  }

  /// Batch normalisation over all axes but axis 1; the variance is the biased one.
  public static func batchNormalization(
    _ x: Tensor, scale: Tensor, offset: Tensor, epsilon: Float, context: ComputeContext
  ) -> (output: Tensor, mean: Tensor, variance: Tensor) {
    if isMatrix(x) {
      let result = batchNormalization(
        asOneImage(x), scale: scale, offset: offset, epsilon: epsilon, context: context)
      return (fromOneImage(result.output, x.shape), result.mean, result.variance)
    }
    let extents = Channels(x.shape)
    require(
      scale.count == extents.channels && offset.count == extents.channels,
      "batch normalisation of \(x.shape) with scale \(scale.shape) and offset \(offset.shape)")
    let (mean, variance) = (Output([extents.channels]), Output([extents.channels]))
    let output = Tensor(
      shape: x.shape,
      pointer: { out in
        let (source, result) = (SharedInput(x), SharedPointer(out))
        let (factors, terms) = (SharedInput(scale), SharedInput(offset))
        let (means, variances) = (mean.shared, variance.shared)
        extents.forEachChannel(context) { channel in
          var sum = 0.0
          extents.forEachRun(of: channel) { sum += relate_sum(extents.inner, source + $0) }
          let average = sum / Double(extents.count)
          var squares = 0.0
          extents.forEachRun(of: channel) {
            squares += relate_squared_deviations(extents.inner, source + $0, average)
          }
          means.pointer[channel] = Float(average)
          variances.pointer[channel] = Float(squares / Double(extents.count))
          let factor =
            factors.pointer[channel] / (variances.pointer[channel] + epsilon).squareRoot()
          extents.forEachRun(of: channel) {
            relate_normalize(
              extents.inner, source + $0, Float(average), factor, terms.pointer[channel],
              result + $0)
          }
        }
        extendLifetime(x)
        extendLifetime(scale)
        extendLifetime(offset)
      })
    return (output, mean.tensor, variance.tensor)
  }

  /// The gradients of batch normalisation with respect to x, scale and offset.
  ///
  ///     dx = scale / σ · (g - mean(g) - x̂ mean(g x̂))
  public static func batchNormalizationGradients(
    _ gradient: Tensor, _ x: Tensor, scale: Tensor, mean: Tensor, variance: Tensor,
    epsilon: Float, context: ComputeContext
  ) -> (x: Tensor, scale: Tensor, offset: Tensor) {
    if isMatrix(x) {
      let result = batchNormalizationGradients(
        asOneImage(gradient), asOneImage(x), scale: scale, mean: mean, variance: variance,
        epsilon: epsilon, context: context)
      return (fromOneImage(result.x, x.shape), result.scale, result.offset)
    }
    let extents = Channels(x.shape)
    require(
      gradient.shape == x.shape && scale.count == extents.channels,
      "batch normalisation: gradient \(gradient.shape) of \(x.shape) with scale \(scale.shape)")
    let (scaleGradient, offsetGradient) = (Output([extents.channels]), Output([extents.channels]))
    let inputGradient = Tensor(
      shape: x.shape,
      pointer: { out in
        let (source, upstream) = (SharedInput(x), SharedInput(gradient))
        let (factors, result) = (SharedInput(scale), SharedPointer(out))
        let (means, variances) = (SharedInput(mean), SharedInput(variance))
        let (scaleSums, offsetSums) = (scaleGradient.shared, offsetGradient.shared)
        extents.forEachChannel(context) { channel in
          let average = means.pointer[channel]
          let inverse = 1 / (variances.pointer[channel] + epsilon).squareRoot()
          var (sum, product) = (0.0, 0.0)
          extents.forEachRun(of: channel) {
            sum += relate_sum(extents.inner, upstream + $0)
            product += relate_centred_dot(
              extents.inner, source + $0, Double(average), upstream + $0)
          }
          scaleSums.pointer[channel] = Float(product) * inverse
          offsetSums.pointer[channel] = Float(sum)
          let a = factors.pointer[channel] * inverse
          let b = -a * Float(product / Double(extents.count)) * inverse * inverse
          let c = -a * Float(sum / Double(extents.count))
          extents.forEachRun(of: channel) {
            relate_normalize_backward(
              extents.inner, upstream + $0, source + $0, average, a, b, c, result + $0)
          }
        }
        extendLifetime(x)
        extendLifetime(gradient)
        extendLifetime(scale)
        extendLifetime(mean)
        extendLifetime(variance)
      })
    return (inputGradient, scaleGradient.tensor, offsetGradient.tensor)
  }

  /// Layer normalisation over the last axis.
  public static func layerNormalization(
    _ x: Tensor, scale: Tensor, offset: Tensor, epsilon: Float
  ) -> Tensor {
    let width = x.shape[-1]
    require(
      scale.count == width && offset.count == width,
      "layer normalisation of \(x.shape) with scale \(scale.shape) and offset \(offset.shape)")
    return Tensor(
      shape: x.shape,
      pointer: { out in
        let (source, factors, terms) = (x.address, scale.address, offset.address)
        for start in stride(from: 0, to: x.count, by: max(width, 1)) {
          let (mean, inverse) = rowStatistics(source + start, width, epsilon)
          relate_normalize(width, source + start, mean, inverse, 0, out + start)
          relate_binary(RELATE_MULTIPLY, width, out + start, true, factors, true, 0, out + start)
          relate_binary(RELATE_ADD, width, out + start, true, terms, true, 0, out + start)
        }
        extendLifetime(x)
        extendLifetime(scale)
        extendLifetime(offset)
      })
  }

  /// The gradients of layer normalisation with respect to x, scale and offset.
  public static func layerNormalizationGradients(
    _ gradient: Tensor, _ x: Tensor, scale: Tensor, epsilon: Float
  ) -> (x: Tensor, scale: Tensor, offset: Tensor) {
    let width = x.shape[-1]
    require(
      gradient.shape == x.shape && scale.count == width,
      "layer normalisation: gradient \(gradient.shape) of \(x.shape) with scale \(scale.shape)")
    let rows = x.count / max(width, 1)
    // What the scale's gradient is the sum of.
    let products = Output([rows, width])
    let inputGradient = Tensor(
      shape: x.shape,
      pointer: { out in
        let (source, upstream, factors) = (x.address, gradient.address, scale.address)
        withScratch(2 * width) { scratch in
          let (normal, product) = (scratch, scratch + width)
          for start in stride(from: 0, to: x.count, by: max(width, 1)) {
            let g = upstream + start
            let (mean, inverse) = rowStatistics(source + start, width, epsilon)
            relate_normalize(width, source + start, mean, inverse, 0, normal)
            relate_binary(
              RELATE_MULTIPLY, width, g, true, normal, true, 0, products.pointer + start)
            relate_binary(RELATE_MULTIPLY, width, g, true, factors, true, 0, product)
            let sum = Float(relate_sum(width, product) / Double(width))
            let projection = Float(relate_dot(width, product, normal) / Double(width))
            relate_normalize_backward(
              width, product, normal, 0, inverse, -inverse * projection, -inverse * sum,
              out + start)
          }
        }
        extendLifetime(x)
        extendLifetime(gradient)
        extendLifetime(scale)
      })
    func sumOfRows(_ x: Tensor) -> Tensor {
      sum(x.reshaped(to: [rows, width]), over: [0]).reshaped(to: [width])
    }
    return (inputGradient, sumOfRows(products.tensor), sumOfRows(gradient))
  }

  private static func rowStatistics(
    _ x: UnsafePointer<Float>, _ width: Int, _ epsilon: Float
  ) -> (mean: Float, inverseDeviation: Float) {
    let mean = relate_sum(width, x) / Double(width)
    let variance = Float(relate_squared_deviations(width, x, mean) / Double(width))
    return (Float(mean), 1 / (variance + epsilon).squareRoot())
  }
}
