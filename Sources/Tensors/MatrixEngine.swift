// What multiplies matrices: two libraries and kernels of our own.

import CKernels
import COneDNN
import COpenBLAS

/// What multiplies matrices on the calling thread.
public enum MatrixEngine: String, CaseIterable, Codable, Hashable, Sendable {
  /// OpenBLAS: always there; float32 only.
  case openblas
  /// oneDNN: generates code for each shape; float32 and bfloat16.
  case onednn
  /// Our own kernels, for processors with AVX-512, or AVX2 and FMA; float32, with the same bits on
  /// both, and with AVX512_BF16 bfloat16 for g and LSTMs.
  case panels

  /// The fastest engine that this machine has for a precision; where none has it, the one whose
  /// failure says best what is missing.
  public static func best(for precision: Precision) -> MatrixEngine {
    let preferred: [MatrixEngine] = [.panels, .onednn, .openblas]
    return preferred.first { $0.failure(computingIn: precision) == nil }
      ?? (precision == .bf16 ? .panels : .openblas)
  }

  /// Loads the library if need be; why it cannot compute in a precision on this machine, in a
  /// sentence, or `nil` if it can.
  public func failure(computingIn precision: Precision) -> String? {
    let failure =
      switch (self, precision) {
      case (.openblas, .fp32): relate_openblas_load()
      case (.onednn, .fp32): relate_onednn_load()
      case (.onednn, .bf16): relate_onednn_lacks_bfloat16()
      case (.panels, _), (.openblas, .bf16): UnsafePointer<CChar>?.none
      }
    if let failure { return String(cString: failure) }
    return switch (self, precision) {
    case (.openblas, .bf16): "OpenBLAS computes in float32 only; oneDNN and panels have bfloat16"
    case (.panels, .fp32) where !relate_panels_are_supported() && !relate_panels_run_on_avx2():
      "this processor has neither AVX-512 (F, BW, VL and DQ) nor AVX2 with FMA"
    case (.panels, .bf16) where !relate_panels_support_bfloat16():
      "this processor has no instructions for bfloat16 (AVX512_BF16)"
    default: nil
    }
  }

  /// The library in its own words once it is loaded, such as `OpenBLAS 0.3.21, SkylakeX kernels`.
  public var description: String {
    switch self {
    case .openblas:
      let configuration = String(cString: relate_openblas_configuration())
      let version = configuration.split(separator: " ").prefix(2).joined(separator: " ")
      return "\(version), \(String(cString: relate_openblas_kernels())) kernels"
    case .onednn: return String(cString: relate_onednn_description())
    case .panels: return "kernels of our own"
    }
  }
}

/// What the operands of large matrix products are rounded to; everything else, and all sums, are
/// float32.
public enum Precision: String, CaseIterable, Codable, Hashable, Sendable {
  /// Nothing is rounded.
  case fp32
  /// The activations and weights of g_θ, from its second layer on, are bfloat16; with `panels`
  /// those of LSTMs too.
  case bf16
}

extension MatrixEngine {
  /// Row-major C = op(A) op(B), or C += with `accumulating`, on bare memory: op(A) is [m, k], op(B)
  /// is [k, n], and op is the transpose where asked.
  ///
  /// Strides are between the rows of the matrices as they lie in memory.
  func multiply<Scalar: ActivationScalar>(
    transposeA: Bool = false, transposeB: Bool = false, _ m: Int, _ n: Int, _ k: Int,
    _ a: UnsafePointer<Scalar>, stride strideA: Int, _ b: UnsafePointer<Scalar>,
    stride strideB: Int, accumulating: Bool = false, into c: UnsafeMutablePointer<Float>,
    stride strideC: Int
  ) {
    if m == 0 || n == 0 { return }
    if k == 0 {
      if !accumulating { for i in 0..<m { (c + i * strideC).update(repeating: 0, count: n) } }
      return
    }
    switch self {
    case .panels:
      Self.multiplyPanels(
        transposeA: transposeA, transposeB: transposeB, m, n, k, Self.floats(a), stride: strideA,
        Self.floats(b), stride: strideB, accumulating: accumulating, into: c, stride: strideC)
    case .openblas:
      relate_sgemm(
        transposeA, transposeB, Int32(m), Int32(n), Int32(k), 1, Self.floats(a), Int32(strideA),
        Self.floats(b), Int32(strideB), accumulating ? 1 : 0, c, Int32(strideC))
    case .onednn:
      Self.run(
        relate_product(
          rows: m, columns: n, inner: k, stride_a: strideA, stride_b: strideB, stride_c: strideC,
          transpose_a: transposeA, transpose_b: transposeB, operands: Scalar.code,
          result: Float.code, accumulates: accumulating, has_bias_and_relu: false),
        a, b, bias: nil, into: c)
    }
  }

  /// Y = max(X Wᵀ + b, 0) of contiguous matrices: X is [m, k], `weight` [n, k], `bias` [n].
  ///
  /// With oneDNN, not-a-number becomes 0, so it must not be counted on to show that a model is
  /// broken: what is read from files is checked to be finite where it is read.
  func multiplyWithBiasAndRelu<Scalar: ActivationScalar, Result: ActivationScalar>(
    _ m: Int, _ n: Int, _ k: Int, _ x: UnsafePointer<Scalar>, weight: UnsafePointer<Scalar>,
    bias: UnsafePointer<Float>, into y: UnsafeMutablePointer<Result>
  ) {
    switch self {
    case .openblas, .panels:
      let y = Self.floats(y)
      multiply(transposeB: true, m, n, k, x, stride: k, weight, stride: k, into: y, stride: n)
      relate_bias_relu(m, n, bias, y)
    case .onednn:
      Self.run(
        relate_product(
          rows: m, columns: n, inner: k, stride_a: k, stride_b: k, stride_c: n, transpose_a: false,
          transpose_b: true, operands: Scalar.code, result: Result.code, accumulates: false,
          has_bias_and_relu: true),
        x, weight, bias: bias, into: y)
    }
  }

  private static func floats<Scalar>(_ pointer: UnsafePointer<Scalar>) -> UnsafePointer<Float> {
    require(
      Scalar.self == Float.self, "\(Scalar.self) is multiplied by oneDNN and by panels alone")
    return UnsafeRawPointer(pointer).assumingMemoryBound(to: Float.self)
  }

  private static func floats<Scalar>(
    _ pointer: UnsafeMutablePointer<Scalar>
  ) -> UnsafeMutablePointer<Float> {
    _ = floats(UnsafePointer(pointer))
    return UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Float.self)
  }

  private static func run<Scalar, Result>(
    _ product: relate_product, _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>,
    bias: UnsafePointer<Float>?, into c: UnsafeMutablePointer<Result>
  ) {
    let isDone = withUnsafePointer(to: product) { relate_onednn_multiply($0, a, b, bias, c) }
    guard isDone else {
      fatalError("oneDNN cannot compute \(product): out of memory, or a shape unknown to it")
    }
  }
}
