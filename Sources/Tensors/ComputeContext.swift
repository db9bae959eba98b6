// What computes: handed to the operations, never ambient.

import COpenBLAS

/// Why the machine cannot compute what the experiment asks for.
public struct ComputeError: Error, CustomStringConvertible, Sendable {
  /// One sentence: what is missing and what to do.
  public let description: String
}

/// The matrix engine and the threads that operations run on.
///
/// A context belongs to one thread at a time: its pool runs one operation at a time.
public struct ComputeContext: Sendable {
  /// The threads that share the chunks of an operation.
  public let threads: ThreadPool

  /// Loads the matrix engine and starts `threadCount - 1` threads.
  ///
  /// Throws `ComputeError` when OpenBLAS cannot be loaded.
  public init(threadCount: Int = 1) throws(ComputeError) {
    if let failure = relate_openblas_load() {
      throw ComputeError(description: String(cString: failure))
    }
    threads = ThreadPool(threadCount: threadCount)
  }

  /// The matrix engine in its own words, such as `OpenBLAS 0.3.21, SkylakeX kernels`.
  public var engineDescription: String {
    let configuration = String(cString: relate_openblas_configuration())
    let version = configuration.split(separator: " ").prefix(2).joined(separator: " ")
    return "\(version), \(kernels) kernels"
  }

  /// The name of the matrix engine's kernels, such as `SkylakeX` (AVX-512) or `Haswell` (AVX2).
  public var kernels: String { String(cString: relate_openblas_kernels()) }
}
