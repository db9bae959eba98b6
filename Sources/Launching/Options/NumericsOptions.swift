// What multiplies matrices, and in which precision, from the command line.

import ArgumentParser
import Tensors
import Training

/// The options that fix the arithmetic.
struct NumericsOptions: ParsableArguments {
  @Option(
    help: """
      The precision of the large matrix products: bf16 is twice as fast on processors that have it \
      and keeps parameters, sums and the optimiser in float32. fp32 unless said.
      """)
  var precision: Precision?

  @Option(
    help: """
      The matrix engine: openblas is always there and computes fp32 only; onednn is faster; \
      panels, kernels of our own for processors with AVX2 or AVX-512, is the fastest. Unless said, \
      or with auto, the fastest that this machine has.
      """)
  var engine: EngineChoice?

  enum EngineChoice: Hashable, Codable, ExpressibleByArgument {
    case fastest
    case named(MatrixEngine)

    private static let fastestName = "auto"
    static let allValueStrings = [fastestName] + MatrixEngine.allCases.map(\.rawValue)

    init?(argument: String) {
      if argument == Self.fastestName {
        self = .fastest
      } else if let engine = MatrixEngine(rawValue: argument) {
        self = .named(engine)
      } else {
        return nil
      }
    }
  }

  /// The precision that was said, or float32.
  var resolvedPrecision: Precision { precision ?? .fp32 }

  /// The engine that was said; otherwise the fastest that this machine has for the precision.
  var resolvedEngine: MatrixEngine {
    switch engine {
    case .named(let engine): engine
    case .fastest, nil: .best(for: resolvedPrecision)
    }
  }

  /// Puts what was said into an experiment.
  func apply(to experiment: inout Experiment) {
    if let precision { experiment.precision = precision }
    switch engine {
    case .named(let engine): experiment.engine = engine
    case .fastest: experiment.engine = .best(for: experiment.precision)
    case nil: break
    }
  }

  /// The context that the options ask for.
  func context(threadCount: Int) throws -> ComputeContext {
    try computeContext(
      threadCount: threadCount, engine: resolvedEngine, precision: resolvedPrecision)
  }
}

/// The context of an engine and a precision that people could have chosen otherwise.
func computeContext(
  threadCount: Int = 1, engine: MatrixEngine, precision: Precision
) throws -> ComputeContext {
  do {
    return try ComputeContext(threadCount: threadCount, engine: engine, precision: precision)
  } catch {
    throw ValidationError(
      """
      This machine cannot compute with \(Numerics.key(engine, precision)): \(error). Another can \
      be chosen with --engine and --precision.
      """)
  }
}

extension Precision: ExpressibleByArgument {}
