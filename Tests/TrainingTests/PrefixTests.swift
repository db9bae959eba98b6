// What is taken over from another run, and what stays as it begins.

import Files
import Foundation
import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import Training

@Suite struct PrefixTests {
  private func sentence(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
  }

  /// The values of a short run, to begin another one with.
  private func source(width: Int = 4) throws -> ParameterVector {
    let run = TemporaryRun(syntheticExperiment(steps: 2, width: width, seed: 9), width: width)
    #expect(try run.train() == .completed)
    return try Checkpoint.read(
      run.directory.checkpointPath(step: 2), layout: run.task.layout,
      of: run.directory.readExperiment()
    ).values
  }

  private func experiment(origin: Origin?, frozen: [String] = []) -> Experiment {
    var experiment = syntheticExperiment(
      clipping: GradientClipping(maximumNorm: 0.2), frozen: frozen)
    experiment.origin = origin
    return experiment
  }

  private let layout = SyntheticTask().layout

  private func values(_ vector: ParameterVector) -> [String: Tensor] {
    let layout = vector.layout
    let parameters = layout.parameters.map { ($0.name, vector.value(of: $0)) }
    let statistics = layout.statistics.map { ($0.name, vector.statistic($0)) }
    return Dictionary(uniqueKeysWithValues: parameters + statistics)
  }

  @Test func versionZeroTakesOverWhatIsUnderThePrefix() throws {
    let source = try source()
    let fresh = ParameterVector(initializing: layout, seed: 3)
    for prefix in [nil, "hidden", "normalization"] {
      let origin = try Origin(taking: source, into: layout, step: 2, prefix: prefix)
      let state = try TrainingState(experiment(origin: origin), layout: layout, origin: source)
      for (name, value) in values(state.values) {
        let isTaken = prefix.map { name.hasPrefix($0 + ".") } ?? true
        #expect(value == values(isTaken ? source : fresh)[name], "\(name)")
      }
    }
  }

  @Test func anotherOriginIsRefused() throws {
    let source = try source()
    let origin = try Origin(taking: source, into: layout, step: 2, prefix: "output")
    let experiment = experiment(origin: origin)
    #expect(
      sentence { _ = try TrainingState(experiment, layout: layout) }
        .contains("begins with step 2 of another run; say where"))
    let other = ParameterVector(initializing: layout, seed: 1)
    #expect(
      sentence { _ = try TrainingState(experiment, layout: layout, origin: other) }
        .contains("what was found has other numbers"))
    #expect(
      sentence { _ = try Origin(taking: source, into: layout, step: 2, prefix: "conv") }
        == "The run to begin with has nothing that this model has under \"conv\"; it has "
        + "hidden, normalization, output.")
    let wide = SyntheticTask(width: 5).layout
    #expect(
      sentence { _ = try Origin(taking: source, into: wide, step: 2) }
        .hasPrefix("hidden.weight has the shape"))
  }

  /// They would begin with random numbers, without a word.
  @Test func layersThatTheOtherRunLacksAreNamed() throws {
    let source = try source()
    var deeper = layout
    _ = Linear("top.0", from: 2, to: 2, in: &deeper)
    #expect(
      sentence { _ = try Origin(taking: source, into: deeper, step: 2) }
        .hasPrefix("The run to begin with does not have top.0.weight, top.0.bias. Choose"))
    #expect(throws: Never.self) {
      try Origin(taking: source, into: deeper, step: 2, prefix: "hidden")
    }
  }

  @Test func aRunThatBeganWithAnotherGoesOnWithoutIt() throws {
    let source = try source()
    let experiment = experiment(origin: try Origin(taking: source, into: layout, step: 2))
    let expected = TemporaryRun(experiment)
    #expect(try expected.train(origin: source) == .completed)
    let fresh = TemporaryRun(syntheticExperiment(clipping: experiment.clipping))
    #expect(try fresh.train() == .completed)
    #expect(try expected.digests()[0] != fresh.digests()[0])
    let run = TemporaryRun(experiment)
    _ = try RunRecorder.starting(
      run.record(), in: run.directory, facts: run.task.facts, origin: source)
    #expect(run.directory.checkpointSteps() == [0])
    #expect(try run.train() == .completed)
    #expect(try run.digests() == expected.digests())
    let lost = TemporaryRun(experiment)
    _ = try RunRecorder.starting(
      lost.record(), in: lost.directory, facts: lost.task.facts, origin: source)
    try FileManager.default.removeItem(atPath: lost.directory.checkpointPath(step: 0))
    #expect(
      sentence { _ = try lost.resume() }.contains("the run began with another one's values"))
  }

  @Test func whatIsFrozenKeepsItsBits() throws {
    let frozen = TemporaryRun(experiment(origin: nil, frozen: ["hidden.weight", "normalization"]))
    #expect(try frozen.train() == .completed)
    let free = TemporaryRun(experiment(origin: nil))
    #expect(try free.train() == .completed)
    func last(_ run: TemporaryRun) throws -> TrainingState {
      try Checkpoint.read(
        run.directory.checkpointPath(step: 6), layout: layout, of: run.directory.readExperiment())
    }
    let state = try last(frozen)
    let start = ParameterVector(initializing: layout, seed: 3)
    for parameter in layout.parameters {
      let isFrozen =
        parameter.name == "hidden.weight" || parameter.name.hasPrefix("normalization.")
      #expect(
        (state.values.value(of: parameter) == start.value(of: parameter)) == isFrozen,
        "\(parameter.name)")
      for moments in [state.moments.first, state.moments.second] {
        let own = moments.window(from: parameter.offset, shape: parameter.shape)
        #expect((own == Tensor.zeros(parameter.shape)) == isFrozen, "\(parameter.name)")
      }
    }
    #expect(state.values.statistics == start.statistics)
    #expect(try last(free).values.statistics != start.statistics)
  }

  @Test func theNormLeavesOutWhatIsFrozen() throws {
    let task = SyntheticTask()
    let parts = ContributionLayout(of: layout)
    // A huge gradient of what is frozen would clip everything else to nothing.
    let flat = Tensor(
      (0..<parts.count).map { layout.parameter(at: $0)?.name == "hidden.weight" ? 1e6 : 0.01 },
      shape: [parts.count])
    let measured = task.facts.metrics.map { _ in Measurement(sum: 0, weight: 1) }
    let result = ReplicaResult(Contribution(layout: parts, flat: flat), measured)
    func moments(frozen: [String]) throws -> Float {
      let experiment = experiment(origin: nil, frozen: frozen)
      var state = try TrainingState(experiment, layout: layout)
      _ = try state.apply([result], of: experiment, metrics: task.facts.metrics)
      return try #require(state.moments.first.scalars.last)
    }
    #expect(abs(try moments(frozen: ["hidden.weight"]) - 0.001) < 1e-6)
    #expect(try moments(frozen: []) < 1e-6)
  }

  @Test func prefixesThatNameNothingAreRefused() {
    #expect(
      sentence { _ = try TrainingState(experiment(origin: nil, frozen: ["hid"]), layout: layout) }
        == "Nothing in the model begins with \"hid\", which is to be frozen; there are hidden, "
        + "normalization, output.")
    let all = ["hidden", "normalization", "output"]
    #expect(
      sentence { _ = try TrainingState(experiment(origin: nil, frozen: all), layout: layout) }
        == "All parameters are frozen; leave some to train.")
  }
}
