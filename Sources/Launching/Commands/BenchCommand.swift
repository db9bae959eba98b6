// relate bench: how fast the parts are.

import ArgumentParser
import Foundation
import NeuralNetworks
import RelationNetworks
import Tensors
import Training

/// `relate bench`.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure how fast training is on this machine.",
    discussion: "Example: relate bench step --config sort-of-clevr-small --json",
    subcommands: [BenchStepCommand.self])
}

/// `relate bench step`.
struct BenchStepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step",
    abstract: "Time one training step of one replica: forward, backward and Adam.",
    discussion: """
      Random inputs of the task's true shapes, as a PyTorch user would time it.

      Example: relate bench step --config sort-of-clevr-small --batch 64 --threads 1 --json
      """)

  @Option(help: "The model: \(BenchmarkModel.names.joined(separator: ", ")).")
  var config: String
  @Option(help: ArgumentHelp("Samples of the mini-batch.", valueName: "n")) var batch = 64
  @Option(help: ArgumentHelp("Threads to compute on.", valueName: "n")) var threads = ThreadCount(1)
  @OptionGroup var numerics: NumericsOptions
  @Option(help: ArgumentHelp("Steps that are timed.", valueName: "n")) var steps = 5
  @Option(help: ArgumentHelp("Steps before those.", valueName: "n")) var warmup = 2
  @Flag(help: "Print JSON instead of a sentence.") var json = false

  func validate() throws {
    guard (1...65_536).contains(batch), (1...100_000).contains(steps),
      (0...100_000).contains(warmup)
    else { throw ValidationError("--batch, --steps or --warmup is out of range.") }
  }

  func run() throws {
    try reportingErrors {
      let result = try measure()
      if json {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(result), as: UTF8.self))
      } else {
        print(
          "\(config), batch \(batch), \(threads.count) thread(s), \(result.precision): "
            + "\(decimals(result.msMedian, 2)) ms a step (median of \(steps)), "
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
    let model = try BenchmarkModel(name: config)
    let context = try numerics.context(threadCount: threads.count)
    let inputs = model.randomInputs(batch: batch, seed: 0)
    var values = ParameterVector(initializing: model.layout, seed: 0)
    var moments = AdamMoments(count: model.layout.parameterCount)
    var times: [Double] = []
    for step in 1...warmup + steps {
      let start = ContinuousClock.now
      let gradient = gradient(of: model, inputs, values, step: step, context: context)
      AdamStep(step, learningRate: 1e-4).update(
        &values.parameters, moments: &moments, in: 0..<gradient.count, gradient: gradient)
      if step > warmup { times.append(start.duration(to: .now).seconds * 1000) }
    }
    times.sort()
    let median = (times[(times.count - 1) / 2] + times[times.count / 2]) / 2
    return Result(
      config: config, batch: batch, threads: threads.count, precision: context.precision.rawValue,
      engine: context.engineDescription, msMin: rounded(times[0]), msMedian: rounded(median),
      samplesPerSecond: rounded(Double(batch) / median * 1000),
      parameters: model.layout.parameterCount, peakBytes: TensorMemory.current.peakBytesInUse,
      peakResidentBytes: peakResidentBytes())
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

  /// In a function of its own, so that the pass is gone before Adam writes the parameters.
  private func gradient(
    of model: BenchmarkModel, _ inputs: BenchmarkModel.Inputs, _ values: ParameterVector, step: Int,
    context: ComputeContext
  ) -> Tensor {
    let pass = ForwardPass(
      values, mode: .training(seed: 0, step: step, replica: 0), context: context)
    return pass.gradient(of: model.forward(inputs, in: pass).loss)
  }

  private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
