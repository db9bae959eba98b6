// Everything that a machine can compute with, for tests that have to hold for each.

import Tensors

/// A matrix engine, a precision and a number of threads.
public struct Arithmetic: Hashable, Codable, Sendable, CustomStringConvertible {
  /// What multiplies matrices.
  public let engine: MatrixEngine
  /// What the factors of large products are rounded to.
  public let precision: Precision
  /// The threads that share the work.
  public let threads: Int

  /// The engines of this machine that compute in one of the precisions, with each number of threads.
  public static func onThisMachine(
    in precisions: [Precision] = Precision.allCases, threads: [Int] = [1]
  ) -> [Arithmetic] {
    MatrixEngine.allCases.flatMap { engine in
      precisions.filter { engine.failure(computingIn: $0) == nil }.flatMap { precision in
        threads.map { Arithmetic(engine: engine, precision: precision, threads: $0) }
      }
    }
  }

  /// A context to compute in.
  public func context() throws -> ComputeContext {
    try ComputeContext(threadCount: threads, engine: engine, precision: precision)
  }

  /// The same engine and precision on another number of threads.
  public func onThreads(_ count: Int) -> Arithmetic {
    Arithmetic(engine: engine, precision: precision, threads: count)
  }

  /// The same engine without rounding.
  public var unrounded: Arithmetic {
    Arithmetic(engine: engine, precision: .fp32, threads: threads)
  }

  /// Such as `panels/bf16 on 2`.
  public var description: String { "\(engine.rawValue)/\(precision.rawValue) on \(threads)" }
}
