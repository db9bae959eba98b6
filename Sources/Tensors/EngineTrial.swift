// How fast a matrix engine is at its best: what everything else is measured by.

import CKernels

extension MatrixEngine {
  /// Shapes of products that engines do well on, rows and then the other two extents: some whose
  /// factors stay in a core's caches, some that do not.
  private static let trialShapes = [(256, 256), (512, 256), (512, 512), (1024, 1024)]

  /// The most multiplications and additions per second that the engine reaches on the calling
  /// thread, over products of several shapes.
  ///
  /// - Parameter seconds: how long it is tried altogether, at least.
  public func bestRate(in precision: Precision, seconds: Double = 0.4) -> Double {
    Self.trialShapes.map { rows, width in
      switch precision {
      case .fp32: rate(Float.self, rows, width, seconds / Double(Self.trialShapes.count))
      case .bf16: rate(BFloat16.self, rows, width, seconds / Double(Self.trialShapes.count))
      }
    }.max() ?? 0
  }

  private func rate<Scalar: ActivationScalar>(
    _: Scalar.Type, _ rows: Int, _ width: Int, _ seconds: Double
  ) -> Double {
    var random = CounterRandom(seed: 0, purpose: .trial, index: 0)
    func matrix(_ rows: Int) -> Activations<Scalar> {
      Scalar.rounding(
        Tensor((0..<rows * width).map { _ in random.uniform(in: -1..<1) }, shape: [rows, width]))
    }
    let (a, b) = (matrix(rows), matrix(width))
    let bias = Tensor.zeros([width])
    var best = Double.infinity
    withScratch(rows * width) { c in
      let product = product(rows, width, a, b, bias, into: c)
      let start = ContinuousClock.now
      repeat {
        let before = ContinuousClock.now
        for _ in 0..<4 { product() }
        best = min(best, before.duration(to: .now) / .seconds(4))
      } while start.duration(to: .now) / .seconds(1) < seconds
    }
    extendLifetime(a)
    extendLifetime(b)
    extendLifetime(bias)
    return 2 * Double(rows) * Double(width) * Double(width) / best
  }

  /// What is timed: a product, or for kernels of our own a layer of g.
  private func product<Scalar: ActivationScalar>(
    _ rows: Int, _ width: Int, _ a: Activations<Scalar>, _ b: Activations<Scalar>, _ bias: Tensor,
    into c: UnsafeMutablePointer<Float>
  ) -> () -> Void {
    guard self == .panels else {
      return {
        multiply(
          rows, width, width, a.pointer, stride: width, b.pointer, stride: width, into: c,
          stride: width)
      }
    }
    let kernels = PanelKernels(Scalar.self == Float.self ? .fp32 : .bf16).table
    return {
      kernels.forward(
        rows, width, width, a.pointer, b.pointer, bias.address,
        relate_panels(by_columns: c, by_rows: nil), nil)
    }
  }
}
