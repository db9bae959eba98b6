// What the activations of pairs may be stored as, and the relation's kernels for each.

import CKernels
import COneDNN

/// The upper half of a float32: its exponent, and 8 bits of its mantissa.
struct BFloat16: Equatable, Sendable {
  var bits: UInt16
}

/// Scalars of an activation type in a tensor's memory, which is how they are kept between the
/// forward and the backward pass.
///
/// `@unchecked Sendable`: chunks of an operation write disjoint ranges, and the tensor is kept.
struct Activations<Scalar: ActivationScalar>: @unchecked Sendable {
  /// The memory; its shape and values mean nothing.
  let tensor: Tensor
  let pointer: UnsafeMutablePointer<Scalar>

  /// The scalars in memory that was made by `init(count:)`, or in a tensor of float32, to be read.
  init(in tensor: Tensor) {
    self.tensor = tensor
    pointer = UnsafeMutableRawPointer(tensor.storage.scalars + tensor.offset).assumingMemoryBound(
      to: Scalar.self)
  }

  /// Memory for some scalars.
  init(count: Int) {
    let perFloat = MemoryLayout<Float>.stride / MemoryLayout<Scalar>.stride
    self.init(in: Kernels.uninitialized([(count + perFloat - 1) / perFloat]))
  }

  static func + (a: Self, offset: Int) -> UnsafeMutablePointer<Scalar> { a.pointer + offset }
}

/// A type that the activations of pairs are stored as.
///
/// The functions are the relation's kernels for it; `kernels.h` says what they do.
protocol ActivationScalar: Sendable {
  /// The type in the matrix engine's words.
  static var code: relate_scalar { get }

  /// A matrix of float32 rounded to this type; itself, if there is nothing to round.
  static func rounding(_ tensor: Tensor) -> Activations<Self>

  static func pairForward(
    _ rows: Int, _ width: Int, first: UnsafePointer<Float>, base: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<Self>)
  static func maskedRows(
    from start: Int, _ rows: Int, _ width: Int, mask: UnsafePointer<UInt8>,
    gradient: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<Self>, columns: UnsafeMutablePointer<Float>)
  static func reluBackward(
    _ rows: Int, _ width: Int, activation: UnsafePointer<Self>, gradient: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<Self>, columns: UnsafeMutablePointer<Float>)
  static func pairBackward(
    _ rows: Int, _ width: Int, gradient: UnsafePointer<Float>, activation: UnsafePointer<Self>,
    first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>)
}

extension Float: ActivationScalar {
  static var code: relate_scalar { RELATE_FLOAT32 }

  static func rounding(_ tensor: Tensor) -> Activations<Float> { Activations(in: tensor) }

  static func pairForward(
    _ rows: Int, _ width: Int, first: UnsafePointer<Float>, base: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    relate_pair_forward(rows, width, first, base, out)
  }

  static func maskedRows(
    from start: Int, _ rows: Int, _ width: Int, mask: UnsafePointer<UInt8>,
    gradient: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<Float>, columns: UnsafeMutablePointer<Float>
  ) {
    relate_masked_rows(start, rows, width, mask, gradient, out, columns)
  }

  static func reluBackward(
    _ rows: Int, _ width: Int, activation: UnsafePointer<Float>, gradient: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<Float>, columns: UnsafeMutablePointer<Float>
  ) {
    relate_relu_backward(rows, width, activation, gradient, out, columns)
  }

  static func pairBackward(
    _ rows: Int, _ width: Int, gradient: UnsafePointer<Float>, activation: UnsafePointer<Float>,
    first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>
  ) {
    relate_pair_backward(rows, width, gradient, activation, first, second)
  }
}

extension BFloat16: ActivationScalar {
  static var code: relate_scalar { RELATE_BFLOAT16 }

  static func rounding(_ tensor: Tensor) -> Activations<BFloat16> {
    let copy = Activations<BFloat16>(count: tensor.count)
    copy.round(tensor.address, count: tensor.count)
    extendLifetime(tensor)
    return copy
  }

  static func pairForward(
    _ rows: Int, _ width: Int, first: UnsafePointer<Float>, base: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<BFloat16>
  ) {
    relate_pair_forward_bfloat16(rows, width, first, base, bits(out))
  }

  static func maskedRows(
    from start: Int, _ rows: Int, _ width: Int, mask: UnsafePointer<UInt8>,
    gradient: UnsafePointer<Float>,
    into out: UnsafeMutablePointer<BFloat16>, columns: UnsafeMutablePointer<Float>
  ) {
    relate_masked_rows_bfloat16(start, rows, width, mask, gradient, bits(out), columns)
  }

  static func reluBackward(
    _ rows: Int, _ width: Int, activation: UnsafePointer<BFloat16>,
    gradient: UnsafePointer<Float>, into out: UnsafeMutablePointer<BFloat16>,
    columns: UnsafeMutablePointer<Float>
  ) {
    relate_relu_backward_bfloat16(rows, width, bits(activation), gradient, bits(out), columns)
  }

  static func pairBackward(
    _ rows: Int, _ width: Int, gradient: UnsafePointer<Float>,
    activation: UnsafePointer<BFloat16>, first: UnsafeMutablePointer<Float>,
    second: UnsafeMutablePointer<Float>
  ) {
    relate_pair_backward_bfloat16(rows, width, gradient, bits(activation), first, second)
  }

  fileprivate static func bits(
    _ pointer: UnsafeMutablePointer<BFloat16>
  ) -> UnsafeMutablePointer<UInt16> {
    UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: UInt16.self)
  }

  private static func bits(_ pointer: UnsafePointer<BFloat16>) -> UnsafePointer<UInt16> {
    UnsafeRawPointer(pointer).assumingMemoryBound(to: UInt16.self)
  }
}

extension Activations<BFloat16> {
  /// Writes the nearest numbers to some of float32.
  func round(_ x: UnsafePointer<Float>, count: Int) {
    relate_round_to_bfloat16(count, x, BFloat16.bits(pointer))
  }
}
