// relate bench: how fast the parts are.

import ArgumentParser
import Autodiff
import Foundation
import Learning
import NeuralNetworks
import Tensors
import Training

/// `relate bench`.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure how fast training is on this machine.",
    discussion: "Example: relate bench step --config sort-of-clevr-small --json",
    subcommands: [BenchStepCommand.self, BenchKernelsCommand.self, BenchSyncCommand.self])
}

/// What the benchmarks of a step have in common.
struct StepOptions: ParsableArguments {
  @Option(help: "The model: \(catalogue.models.map(\.name).joined(separator: ", ")).")
  var config: String?

  @Option(
    help: ArgumentHelp(
      "Take the weights of a run or a published model, on samples of its task; or of a safetensors "
        + "file, with --config. Random weights unless said.", valueName: "run or file"))
  var weights: String?

  @Option(help: ArgumentHelp("Samples of the mini-batch.", valueName: "n")) var batch = 64
  @Option(help: ArgumentHelp("Threads to compute on.", valueName: "n")) var threads = ThreadCount(1)
  @OptionGroup var numerics: NumericsOptions
  @Option(help: ArgumentHelp("Steps that are timed.", valueName: "n")) var steps = 5
  @Option(help: ArgumentHelp("Steps before those.", valueName: "n")) var warmup = 2
  @Flag(help: "Print JSON instead of text.") var json = false

  func validate() throws {
    guard (1...65_536).contains(batch), (1...100_000).contains(steps),
      (0...100_000).contains(warmup)
    else { throw ValidationError("--batch, --steps or --warmup is out of range.") }
  }
}

/// Training steps of one replica on inputs of a task's true shapes, as a PyTorch user would time
/// them: forward, backward and Adam.
struct TrialSteps {
  let model: TrialModel
  let context: ComputeContext
  private var values: ParameterVector
  private var moments: AdamMoments
  private var step = 0
  private let isTrained: Bool

  init(_ options: StepOptions) throws {
    model = try TrialModel(
      .init(config: options.config, weights: options.weights, count: options.batch))
    context = try options.numerics.context(threadCount: options.threads.count)
    values = model.values
    moments = AdamMoments(count: model.layout.parameterCount)
    isTrained = options.weights != nil
  }

  /// Takes steps that nobody times, then `options.steps` whose seconds are returned.
  mutating func run(_ options: StepOptions, profile: OperationProfile? = nil) -> [Double] {
    let clock = ProgressLine("step")
    defer { clock.end() }
    let total = options.warmup + options.steps
    let seconds = (0..<total).map { step in
      clock.show(step, of: total)
      return takeStep(step < options.warmup ? nil : profile)
    }
    return Array(seconds[options.warmup...])
  }

  private mutating func takeStep(_ profile: OperationProfile?) -> Double {
    step += 1
    let start = ContinuousClock.now
    let gradient = gradient(profile)
    // Trained weights are to stay what they are while they are timed.
    AdamStep(step, learningRate: isTrained ? 0 : 1e-4).update(
      &values.parameters, moments: &moments, in: 0..<gradient.count, gradient: gradient)
    return start.duration(to: .now).seconds
  }

  /// In a function of its own, so that the pass is gone before Adam writes the parameters.
  private func gradient(_ profile: OperationProfile?) -> Tensor {
    let pass = ForwardPass(
      values, mode: .training(seed: 0, step: step, replica: 0), context: context, profile: profile)
    return pass.gradient(of: model.loss(pass).loss)
  }
}

/// The middle of some numbers; of two middles, their mean.
func median(_ numbers: [Double]) -> Double {
  let sorted = numbers.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

/// JSON on one line, with its keys in order.
func line(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
