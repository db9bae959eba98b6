// What computes: handed to the operations, never ambient.

/// Why the machine cannot compute what the experiment asks for.
public struct ComputeError: Error, CustomStringConvertible, Sendable {
  /// One sentence: what is missing and what to do.
  public let description: String
}

/// The matrix engine, the precision and the threads that operations run on.
///
/// A context belongs to one thread at a time: its pool runs one operation at a time.
public struct ComputeContext: Sendable {
  /// The threads that share the chunks of an operation.
  public let threads: ThreadPool
  /// What multiplies matrices.
  public let engine: MatrixEngine
  /// What the operands of the large products are rounded to.
  public let precision: Precision

  /// Loads the matrix engine, the machine's fastest for the precision if none is named, and starts
  /// `threadCount - 1` threads.
  ///
  /// Other engines compute other bits: what is compared with results from elsewhere names its own.
  ///
  /// Throws `ComputeError` when this machine cannot compute so.
  public init(
    threadCount: Int = 1, engine: MatrixEngine? = nil, precision: Precision = .fp32
  ) throws(ComputeError) {
    try self.init(
      threads: ThreadPool(threadCount: threadCount), engine: engine ?? .best(for: precision),
      precision: precision)
  }

  /// Loads the matrix engine, to be used by threads that are there already.
  ///
  /// Throws `ComputeError` when this machine cannot compute so.
  public init(
    threads: ThreadPool, engine: MatrixEngine, precision: Precision
  ) throws(ComputeError) {
    if let failure = engine.failure(computingIn: precision) {
      throw ComputeError(description: failure)
    }
    self.threads = threads
    self.engine = engine
    self.precision = precision
  }

  /// Whether the factors of an LSTM's products are rounded to the precision too.
  public var roundsLSTMs: Bool { engine == .panels && precision == .bf16 }

  /// The matrix engine in its own words, such as `OpenBLAS 0.3.21, SkylakeX kernels`.
  public var engineDescription: String { engine.description }
}
