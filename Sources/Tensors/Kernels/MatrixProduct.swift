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
    require(
      a.shape.rank >= 2 && leading == b.shape.dimensions.dropLast(2),
      "matrix product: \(a.shape) x \(b.shape)")
    let (m, k) = transposeA ? (a.shape[-1], a.shape[-2]) : (a.shape[-2], a.shape[-1])
    let (k2, n) = transposeB ? (b.shape[-1], b.shape[-2]) : (b.shape[-2], b.shape[-1])
    require(
      k == k2,
      "matrix product: \(a.shape)\(transposeA ? "ᵀ" : "") x \(b.shape)\(transposeB ? "ᵀ" : "")")
    if let bias {
      require(bias.count == n, "matrix product: bias \(bias.shape) for \(n) columns")
    }
    let batch = leading.reduce(1, *)
    let rowChunks = rowChunkCount(m, n, k)
    // Sums go along the columns of a left factor that is transposed, of a right one that is not.
    let left = transposeA ? context.engine.rowsApart(a, uses: n) : (tensor: a, stride: a.shape[-1])
    let right = transposeB ? (tensor: b, stride: b.shape[-1]) : context.engine.rowsApart(b, uses: m)
    return Tensor(
      shape: Shape(leading + [m, n]),
      pointer: { out in
        let (x, y, result) = (
          SharedInput(left.tensor), SharedInput(right.tensor), SharedPointer(out)
        )
        let biasPointer = bias.map { SharedInput($0) }
        let (strideA, strideB) = (left.stride, right.stride)
        context.threads.run(chunks: batch * rowChunks) { chunk in
          let element = chunk / rowChunks
          let rows = part(chunk % rowChunks, of: rowChunks, in: m)
          let target = result + (element * m + rows.lowerBound) * n
          if let bias = biasPointer {
            for row in 0..<rows.count { (target + row * n).update(from: bias.pointer, count: n) }
          }
          let start = element * (transposeA ? k : m) * strideA
          context.engine.multiply(
            transposeA: transposeA, transposeB: transposeB, rows.count, n, k,
            x + (start + rows.lowerBound * (transposeA ? 1 : strideA)), stride: strideA,
            y + element * (transposeB ? n : k) * strideB, stride: strideB,
            accumulating: bias != nil, into: target, stride: n)
        }
        extendLifetime(left.tensor)
        extendLifetime(right.tensor)
        extendLifetime(bias)
      })
  }

  /// The chunks of rows of a product: more than one only where it takes some milliseconds.
  private static func rowChunkCount(_ m: Int, _ n: Int, _ k: Int) -> Int {
    m * n * k < 1 << 24 ? 1 : max(1, min(8, m / 64))
  }
}
