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

/// Memory of the storage pool for what is no array of float32: panels of any type, bits of masks.
///
/// `@unchecked Sendable`: the address is fixed for the object's lifetime, and chunks of an
/// operation write disjoint ranges.
final class Scratch: @unchecked Sendable {
  let address: UnsafeMutableRawPointer
  private let block: StoragePool.Block

  /// Room for some bytes, which hold whatever their last user left.
  init(bytes: Int) {
    block = StoragePool.shared.take(bytes: bytes)
    address = block.address
  }

  deinit { StoragePool.shared.giveBack(block) }
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
    case .fp32: (table, valueBytes, hasOneWay) = (Self.float32, 4, true)
    case .bf16: (table, valueBytes, hasOneWay) = (relate_panel_kernels_bfloat16, 2, false)
    }
  }

  /// Those for this processor's vectors, which all compute the same bits.
  private static let float32 =
    relate_panels_are_supported()
    ? relate_panel_kernels_float32 : relate_panel_kernels_float32_avx2

  /// The bytes of a matrix in panels.
  func bytes(_ rows: Int, _ width: Int) -> Int { rows * Panels.filledUp(width) * valueBytes }

  /// Memory for a matrix in panels.
  func matrix(_ rows: Int, _ width: Int) -> Scratch { Scratch(bytes: bytes(rows, width)) }

  /// A row-major matrix, or its transpose, as a right factor.
  func packed(
    _ matrix: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int, transposed: Bool = false
  ) -> Scratch {
    let (inner, width) = transposed ? (columns, rows) : (rows, columns)
    let packed = self.matrix(Panels.filledUp(inner), width)
    table.pack(
      inner, width, matrix, transposed ? 1 : stride, transposed ? stride : 1,
      packed.address)
    return packed
  }
}
