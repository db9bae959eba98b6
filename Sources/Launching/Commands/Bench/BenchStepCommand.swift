// relate bench step: the time of one training step.

import ArgumentParser
import Foundation
import NeuralNetworks
import Tensors
import Training

/// `relate bench step`.
struct BenchStepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Time one training step of one replica: forward, backward and Adam.",
    discussion: """
      Random inputs of the task's true shapes, as a PyTorch user would time it.

      Example: relate bench step --config sort-of-clevr-small --batch 64 --threads 1 --json
      """)

  @OptionGroup var options: StepOptions

  func run() throws {
    try reportingErrors {
      let result = try measure()
      if options.json {
        print(try line(result))
      } else {
        print(
          "\(result.config), batch \(result.batch), \(result.threads) thread(s), "
            + "\(result.precision): \(decimals(result.msMedian, 2)) ms a step "
            + "(median of \(options.steps)), "
            + "\(decimals(result.samplesPerSecond, 1)) samples/s, \(result.engine)")
      }
      return 0
    }
  }

  private struct Result: Encodable {
    var config: String
    var batch: Int
    var threads: Int
    var precision: String
    var mode = "relate"
    var engine: String
    var msMin: Double
    var msMedian: Double
    var samplesPerSecond: Double
    var parameters: Int
    /// The most that tensors occupied at once, and the whole process.
    var peakBytes: Int
    var peakResidentBytes: Int

    enum CodingKeys: String, CodingKey {
      case config, batch, threads, precision, mode, engine, parameters
      case peakBytes = "peak_bytes"
      case peakResidentBytes = "peak_rss_bytes"
      case msMin = "ms_min"
      case msMedian = "ms_median"
      case samplesPerSecond = "samples_per_s"
    }
  }

  private func measure() throws -> Result {
    var trial = try TrialSteps(options)
    let times = trial.run(options)
    let median = median(times)
    return Result(
      config: trial.model.name, batch: options.batch, threads: options.threads.count,
      precision: trial.context.precision.rawValue, engine: trial.context.engineDescription,
      msMin: rounded((times.min() ?? median) * 1000), msMedian: rounded(median * 1000),
      samplesPerSecond: rounded(Double(options.batch) / median),
      parameters: trial.model.layout.parameterCount,
      peakBytes: TensorMemory.current.peakBytesInUse, peakResidentBytes: peakResidentBytes())
  }

  private func peakResidentBytes() -> Int {
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss * 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #endif
  }
}
