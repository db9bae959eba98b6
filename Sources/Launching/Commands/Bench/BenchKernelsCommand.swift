// relate bench kernels: where the time of a step goes, and how near the processor's limit it is.

import ArgumentParser
import Autodiff
import Foundation
import Tensors
import Training

/// `relate bench kernels`.
struct BenchKernelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernels",
    abstract: "Show where the time of a training step goes, part by part.",
    discussion: """
      For each kind of operation its share of the step, and the rate of its matrix products as a \
      share of the engine's best rate, which is measured in the same run.

      Example: relate bench kernels --config clevr-state --precision bf16
      """)

  @OptionGroup var options: StepOptions

  /// A part of a step; times are of one step.
  private struct Part: Encodable {
    var name: String
    var forwardMs: Double?
    var backwardMs: Double?
    var ms: Double
    var share: Double
    var gigaflops: Double?
    var shareOfBest: Double?

    enum CodingKeys: String, CodingKey {
      case name, ms, share, gigaflops
      case forwardMs = "forward_ms"
      case backwardMs = "backward_ms"
      case shareOfBest = "share_of_best"
    }
  }

  private struct Result: Encodable {
    var config: String
    var batch: Int
    var threads: Int
    var precision: String
    var engine: String
    var stepMs: Double
    var bestGigaflops: Double
    var parts: [Part]

    enum CodingKeys: String, CodingKey {
      case config, batch, threads, precision, engine, parts
      case stepMs = "step_ms"
      case bestGigaflops = "best_gigaflops"
    }
  }

  func run() throws {
    try reportingErrors {
      let result = try measure()
      if options.json { print(try line(result)) } else { show(result) }
      return 0
    }
  }

  private func measure() throws -> Result {
    var trial = try TrialSteps(options)
    let profile = OperationProfile()
    // Before and after the steps, because machines change their speed.
    let before = bestRates(trial.context)
    let times = trial.run(options, profile: profile)
    let after = bestRates(trial.context)
    func best(_ precision: Precision) -> Double {
      max(before[precision] ?? 0, after[precision] ?? 0) * Double(options.threads.count)
    }
    let (steps, total) = (Double(options.steps), times.reduce(0, +))
    var parts = profile.entries.filter { $0.seconds > total / 1000 }.map { entry in
      // Everything else is float32 whatever the precision.
      let isRounded =
        entry.name == "relation" || entry.name == "lstm" && trial.context.roundsLSTMs
      let precision = isRounded ? trial.context.precision : .fp32
      let rate = entry.productOperations > 0 ? entry.productOperations / entry.seconds : nil
      return Part(
        name: entry.name, forwardMs: rounded(entry.forwardSeconds / steps * 1000),
        backwardMs: rounded(entry.backwardSeconds / steps * 1000),
        ms: rounded(entry.seconds / steps * 1000), share: rounded(entry.seconds / total),
        gigaflops: rate.map { rounded($0 / 1e9) },
        shareOfBest: rate.map { rounded($0 / best(precision)) })
    }
    let rest = total - parts.reduce(0) { $0 + $1.ms / 1000 * steps }
    parts.append(
      Part(name: "everything else", ms: rounded(rest / steps * 1000), share: rounded(rest / total)))
    return Result(
      config: trial.model.name, batch: options.batch, threads: options.threads.count,
      precision: trial.context.precision.rawValue, engine: trial.context.engineDescription,
      stepMs: rounded(median(times) * 1000),
      bestGigaflops: rounded(best(trial.context.precision) / 1e9), parts: parts)
  }

  private func bestRates(_ context: ComputeContext) -> [Precision: Double] {
    var rates: [Precision: Double] = [:]
    for precision in Set([.fp32, context.precision]) {
      rates[precision] = context.engine.bestRate(in: precision)
    }
    return rates
  }

  private func show(_ result: Result) {
    print(
      """
      \(result.config), batch \(result.batch), \(result.threads) thread(s), \(result.precision), \
      \(result.engine)
      \(decimals(result.stepMs, 1)) ms a step; the engine's best is \
      \(decimals(result.bestGigaflops, 0)) GFLOP/s

      """)
    func row(_ cells: [String]) -> String {
      zip(cells, [26, 10, 10, 10, 8, 10, 10]).map { cell, width in
        width == 26
          ? cell.padding(toLength: width, withPad: " ", startingAt: 0)
          : String(repeating: " ", count: max(0, width - cell.count)) + cell
      }.joined()
    }
    print(row(["part", "forward", "backward", "ms", "share", "GFLOP/s", "of best"]))
    for part in result.parts {
      print(
        row([
          part.name, part.forwardMs.map { decimals($0, 1) } ?? "",
          part.backwardMs.map { decimals($0, 1) } ?? "", decimals(part.ms, 1),
          percent(part.share), part.gigaflops.map { decimals($0, 0) } ?? "",
          part.shareOfBest.map(percent) ?? "",
        ]))
    }
  }

  private func percent(_ share: Double) -> String { "\(decimals(share * 100, 0)) %" }
}
