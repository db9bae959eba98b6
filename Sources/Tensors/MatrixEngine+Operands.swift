// How operands of products are laid out for the engines that do not see to it themselves.

import CKernels

extension MatrixEngine {
  /// `multiply` by panels.
  ///
  /// The right factor always lies in panels. The left one is read as it lies, unless it is
  /// transposed and read often enough: of a transposed one, every sum reads a column.
  static func multiplyPanels(
    transposeA: Bool, transposeB: Bool, _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>,
    stride strideA: Int, _ b: UnsafePointer<Float>, stride strideB: Int, accumulating: Bool,
    into c: UnsafeMutablePointer<Float>, stride strideC: Int
  ) {
    let kernels = PanelKernels(.fp32)
    let right = kernels.packed(
      b, rows: transposeB ? n : k, columns: transposeB ? k : n, stride: strideB,
      transposed: transposeB)
    if transposeA && strideC == n && n > Panels.filledUp(1) && m >= 8 {
      let left = kernels.packed(a, rows: k, columns: m, stride: strideA)
      kernels.table.weight_gradient(
        Panels.filledUp(k), m, n, left.address, right.address, accumulating, c)
      extendLifetime(left)
    } else {
      kernels.table.multiply(
        m, n, k, a, transposeA ? 1 : strideA, transposeA ? strideA : 1, right.address, nil,
        accumulating, c, strideC)
    }
    extendLifetime(right)
  }

  /// Rows that lie a multiple of so many scalars apart meet in the same few places of a cache.
  private static let meetingScalars = 256
  /// As many rows have room in those places.
  private static let roomForRows = 16

  /// An operand whose columns `multiply` adds up, with rows a little further apart if they would
  /// meet in the cache and the matrix is used often enough; and how far apart its rows lie.
  ///
  /// Only oneDNN needs that: the others bring such operands into an order of their own.
  func rowsApart(_ x: Tensor, uses: Int) -> (tensor: Tensor, stride: Int) {
    let (rows, columns) = (x.shape[-2], x.shape[-1])
    guard self == .onednn, columns.isMultiple(of: Self.meetingScalars), columns > 0,
      rows > Self.roomForRows, uses > Self.roomForRows
    else { return (x, columns) }
    let (allRows, apart) = (x.count / columns, columns + 16)
    let copy = Tensor(
      shape: [allRows, apart],
      pointer: { out in
        x.withScalars { x in
          guard let x = x.baseAddress else { return }
          for row in 0..<allRows {
            (out + row * apart).update(from: x + row * columns, count: columns)
          }
        }
      })
    return (copy, apart)
  }
}
