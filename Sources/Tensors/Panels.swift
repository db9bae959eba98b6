// Our own kernels for AVX-512, and the matrices that they read.

import CKernels

/// Panels of 32 columns.
enum Panels {
  private static let width = Int(RELATE_PANEL)
  /// The panels of a matrix.
  static func count(of columns: Int) -> Int { (columns + width - 1) / width }
  /// Its columns, or rows, and those that fill up the last panel.
  static func filledUp(_ columns: Int) -> Int { count(of: columns) * width }
}

/// The kernels of `panels.h` for a precision.
///
/// `@unchecked Sendable`: a table of functions that is never written.
struct PanelKernels: @unchecked Sendable {
  let table: relate_panel_kernels
  /// The bytes of a value of an operand.
  let valueBytes: Int
  /// Whether a matrix lies in the same way by columns and by rows.
  let hasOneWay: Bool

  init(_ precision: Precision) {
    switch precision {
    case .fp32: (table, valueBytes, hasOneWay) = (relate_panel_kernels_float32, 4, true)
    case .bf16: (table, valueBytes, hasOneWay) = (relate_panel_kernels_bfloat16, 2, false)
    }
  }

  /// Memory for a matrix in panels.
  func matrix(_ rows: Int, _ width: Int) -> Tensor {
    let bytes = rows * Panels.filledUp(width) * valueBytes
    return Kernels.uninitialized([bytes / MemoryLayout<Float>.stride])
  }

  /// A row-major matrix, or its transpose, as a right factor.
  func packed(
    _ matrix: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int, transposed: Bool = false
  ) -> Tensor {
    let (inner, width) = transposed ? (columns, rows) : (rows, columns)
    let packed = self.matrix(Panels.filledUp(inner), width)
    table.pack(
      inner, width, matrix, transposed ? 1 : stride, transposed ? stride : 1,
      UnsafeMutablePointer(mutating: packed.address))
    return packed
  }
}
