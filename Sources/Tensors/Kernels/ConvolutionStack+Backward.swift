// The stack of convolutions backwards, last layer first.

import CKernels

extension Kernels {
  /// The gradients of a stack with respect to its operands, in their order; that of the images only
  /// if it is needed.
  ///
  /// A bias that a normalisation follows changes nothing, so its gradient is zero.
  public static func convolutionStackGradients(
    _ gradient: Tensor, _ operands: ConvolutionStackOperands, saved: [Tensor],
    _ geometry: ConvolutionGeometry, epsilon: Float, needsImages: Bool, context: ComputeContext
  ) -> [Tensor?] {
    let layers = ConvolutionLayer.layers(operands, geometry)
    let forward = ConvolutionStackResult(saved: saved, layers: layers.count)
    var upstream = blocked(gradient, layers[layers.count - 1].output, context)
    var parameters: [[Tensor]] = []
    for (index, layer) in layers.enumerated().reversed() {
      let (weight, convolved) = (operands.weights[index], forward.convolution(index))
      let channels = ChannelNormalization(
        mean: forward.means[index], variance: forward.variances[index],
        scale: operands.scales[index], offset: operands.offsets[index], epsilon: epsilon)
      let normalized = layer.normalizationGradients(upstream, convolved, channels, context)
      let weightGradient = layer.weightGradient(
        forward.input(index), normalized.convolution, shape: weight.shape, context)
      parameters.append([
        weightGradient, .zeros([layer.output.channels]), normalized.scale, normalized.offset,
      ])
      if index > 0 || needsImages {
        upstream = layer.inputGradient(normalized.convolution, weight: weight, context)
      }
    }
    var first = layers[0].input
    (first.before, first.after) = (0, 0)
    let images =
      needsImages ? unblocked(upstream, first, batch: layers[0].batch, context) : nil
    return [images] + parameters.reversed().flatMap { $0 }
  }
}

extension ConvolutionLayer {
  /// The gradients of the convolution, with a border, and of scale and offset.
  ///
  ///     dy = scale / σ · (g - mean(g) - ŷ mean(g ŷ)), g being 0 where ReLU was
  func normalizationGradients(
    _ upstream: Tensor, _ y: Tensor, _ channels: ChannelNormalization, _ context: ComputeContext
  ) -> (convolution: Tensor, scale: Tensor, offset: Tensor) {
    let pixels = output.height * output.width
    let (g, source) = (SharedInput(upstream), SharedInput(y))
    let moments = moments(context) { block, channel, result in
      let start = block * output.scalarCount + channel * output.channelStride
      withUnsafePointer(to: channels.channel(channel)) {
        relate_block_gradient_moments(
          pixels, images(of: block), $0, g + start, source + start, result)
      }
    }
    let count = Double(batch * pixels)
    let result = Tensor(
      shape: [blockCount, gradient.scalarCount],
      pointer: { out in
        let target = SharedPointer(out)
        forEachChannel(context) { block, channel in
          let start = block * output.scalarCount + channel * output.channelStride
          let inverse = channels.inverses[channel]
          let a = channels.channel(channel).factor
          let b = -a * Float(moments[channel].1 / count) * inverse * inverse
          let c = -a * Float(moments[channel].0 / count)
          withUnsafePointer(to: gradient) { shape in
            withUnsafePointer(to: channels.channel(channel)) {
              relate_block_normalize_relu_backward(
                shape, images(of: block), $0, a, b, c, g + start, source + start,
                target + block * gradient.scalarCount + channel * gradient.channelStride)
            }
          }
        }
      })
    extendLifetime(upstream)
    extendLifetime(y)
    let scale = zip(moments, channels.inverses).map { Float($0.1) * $1 }
    return (
      result, Tensor(scale, shape: [output.channels]),
      Tensor(moments.map { Float($0.0) }, shape: [output.channels])
    )
  }

  /// The gradient of the weight, of the given shape.
  ///
  /// A chunk is eight outputs' weights and some blocks; its sums have a lane for each image.
  func weightGradient(
    _ x: Tensor, _ upstream: Tensor, shape: Shape, _ context: ComputeContext
  ) -> Tensor {
    let offsets = patchOffsets()
    let parts = min(8, blockCount)
    let groups = (output.channels + Lanes.group - 1) / Lanes.group
    let partial = Tensor(
      shape: [parts, shape.count],
      pointer: { out in
        let (source, result) = (SharedInput(x), SharedPointer(out))
        let g = SharedInput(upstream)
        context.threads.run(chunks: parts * groups) { chunk in
          let first = chunk % groups * Lanes.group
          let channels = min(Lanes.group, output.channels - first)
          withScratch(channels * taps * Lanes.count) { sums in
            sums.update(repeating: 0, count: channels * taps * Lanes.count)
            for block in part(chunk / groups, of: parts, in: blockCount) {
              addWeightGradients(
                channels, offsets, source + block * input.scalarCount,
                g + (block * gradient.scalarCount + first * gradient.channelStride), sums)
            }
            relate_sum_lanes(
              channels * taps, sums, result + (chunk / groups * shape.count + first * taps))
          }
        }
        extendLifetime(x)
        extendLifetime(upstream)
      })
    return Kernels.sum(partial, over: [0]).reshaped(to: shape)
  }

  /// In groups of rows whose gradients stay in the first cache, which every tap reads.
  private func addWeightGradients(
    _ channels: Int, _ offsets: [Int32], _ x: UnsafePointer<Float>, _ g: UnsafePointer<Float>,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    let rowsAtOnce = max(1, 40 / max(output.width, 1))
    for y in stride(from: 0, to: output.height, by: rowsAtOnce) {
      var walk = relate_block_walk(
        rows: min(rowsAtOnce, output.height - y), pixels: output.width,
        x_row: geometry.stride * input.rowStride, x_step: geometry.stride * Lanes.count,
        g_row: gradient.rowStride, g_channel: gradient.channelStride)
      relate_block_weight_gradient(
        channels, taps, offsets, &walk, x + y * walk.x_row,
        g + gradient.borderOffset + y * gradient.rowStride, sums)
    }
  }

  /// The gradient of the input, without a border.
  func inputGradient(_ upstream: Tensor, weight: Tensor, _ context: ComputeContext) -> Tensor {
    let phases = inputPhases(weight)
    let stride = geometry.stride
    var target = input
    (target.before, target.after) = (0, 0)
    let (rowStride, channelStride) = (target.rowStride, target.channelStride)
    let size = target.scalarCount
    return Tensor(
      shape: [blockCount, size],
      pointer: { out in
        let (g, result) = (SharedInput(upstream), SharedPointer(out))
        let bands = min(4, input.height)
        context.threads.run(chunks: blockCount * bands) { chunk in
          let (block, rows) = (chunk / bands, part(chunk % bands, of: bands, in: input.height))
          for y in rows {
            for phase in phases[y % stride * stride..<(y % stride + 1) * stride] {
              relate_multiply_lanes(
                phase.offsets.count, phase.offsets, phase.weights.address, nil,
                g + (block * gradient.scalarCount + y / stride * gradient.rowStride),
                Lanes.count, (input.width - phase.column + stride - 1) / stride, input.channels,
                result + (block * size + y * rowStride + phase.column * Lanes.count),
                stride * Lanes.count, channelStride)
            }
          }
        }
        extendLifetime(upstream)
        extendLifetime(phases)
      })
  }
}
