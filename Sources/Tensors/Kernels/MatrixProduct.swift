// The one door to the matrix engine.

import COpenBLAS

extension Kernels {
  /// Row-major C = α op(A) op(B) + β C on bare memory: op(A) is [m, k], op(B) is [k, n], and op is
  /// the transpose where asked.
  ///
  /// Runs on the calling thread.
  static func multiply(
    transposeA: Bool = false, transposeB: Bool = false, _ m: Int, _ n: Int, _ k: Int,
    _ a: UnsafePointer<Float>, stride strideA: Int, _ b: UnsafePointer<Float>, stride strideB: Int,
    alpha: Float = 1, beta: Float = 0, into c: UnsafeMutablePointer<Float>, stride strideC: Int
  ) {
    if m == 0 || n == 0 { return }
    if k == 0 {
      if beta == 0 { for i in 0..<m { (c + i * strideC).update(repeating: 0, count: n) } }
      return
    }
    relate_sgemm(
      transposeA, transposeB, Int32(m), Int32(n), Int32(k), alpha, a, Int32(strideA), b,
      Int32(strideB), beta, c, Int32(strideC))
  }

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
              multiply(
                transposeA: transposeA, transposeB: transposeB, rows.count, n, k,
                sharedA + (element * m * k + skipped), stride: a.shape[-1],
                sharedB + element * k * n, stride: b.shape[-1],
                beta: bias == nil ? 0 : 1, into: target, stride: n)
            }
            withExtendedLifetime(bias) {}
          }
        }
      })
  }

  /// The chunks of rows of a product: more than one only where it takes some milliseconds.
  private static func rowChunkCount(_ m: Int, _ n: Int, _ k: Int) -> Int {
    m * n * k < 1 << 24 ? 1 : max(1, min(8, m / 64))
  }
}
