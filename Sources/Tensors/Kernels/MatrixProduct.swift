// Products of matrices and of stacks of them.

extension Kernels {
  /// The product of the last two axes, transposed where asked, for every element of the leading
  /// axes, which must agree.
  ///
  /// Large products are cut into chunks of rows, fixed by shape, that the threads share.
  public static func matrixProduct(
    _ a: Tensor, transposeA: Bool = false, _ b: Tensor, transposeB: Bool = false,
    adding bias: Tensor? = nil, context: ComputeContext
  ) -> Tensor {
    let leading = a.shape.dimensions.dropLast(2)
    precondition(
      a.shape.rank >= 2 && leading == b.shape.dimensions.dropLast(2),
      "matrix product: \(a.shape) x \(b.shape)")
    let (m, k) = transposeA ? (a.shape[-1], a.shape[-2]) : (a.shape[-2], a.shape[-1])
    let (k2, n) = transposeB ? (b.shape[-1], b.shape[-2]) : (b.shape[-2], b.shape[-1])
    precondition(
      k == k2,
      "matrix product: \(a.shape)\(transposeA ? "ᵀ" : "") x \(b.shape)\(transposeB ? "ᵀ" : "")")
    let batch = leading.reduce(1, *)
    let rowChunks = rowChunkCount(m, n, k)
    return Tensor(
      shape: Shape(leading + [m, n]),
      pointer: { out in
        a.withScalars { aScalars in
          b.withScalars { bScalars in
            guard let x = aScalars.baseAddress, let y = bScalars.baseAddress else { return }
            let (sharedA, sharedB) = (SharedPointer(x), SharedPointer(y))
            let result = SharedPointer(out)
            let biasPointer = bias.map { SharedPointer($0.address) }
            context.threads.run(chunks: batch * rowChunks) { chunk in
              let (element, rows) = (
                chunk / rowChunks, part(chunk % rowChunks, of: rowChunks, in: m)
              )
              let target = result + (element * m + rows.lowerBound) * n
              if let bias = biasPointer {
                for row in 0..<rows.count {
                  (target + row * n).update(from: bias.pointer, count: n)
                }
              }
              let skipped = transposeA ? rows.lowerBound : rows.lowerBound * k
              context.engine.multiply(
                transposeA: transposeA, transposeB: transposeB, rows.count, n, k,
                sharedA + (element * m * k + skipped), stride: a.shape[-1],
                sharedB + element * k * n, stride: b.shape[-1],
                accumulating: bias != nil, into: target, stride: n)
            }
            extendLifetime(bias)
          }
        }
      })
  }

  /// The chunks of rows of a product: more than one only where it takes some milliseconds.
  private static func rowChunkCount(_ m: Int, _ n: Int, _ k: Int) -> Int {
    m * n * k < 1 << 24 ? 1 : max(1, min(8, m / 64))
  }
}
