// What training sees of systems of balls, and that it can be learnt.

import Autodiff
import Files
import Foundation
import Learning
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@testable import RelationNetworks

@Suite struct PhysicalSystemsTaskTests {
  private func settings(_ edit: (inout PhysicalSystems.Settings) -> Void = { _ in })
    -> PhysicalSystems.Settings
  {
    var settings = PhysicalSystems.Settings(pairWidths: [16, 16], readoutWidths: [16])
    settings.scenes = .init(training: 1_000, validation: 50, test: 50)
    edit(&settings)
    return settings
  }

  private func task(_ edit: (inout PhysicalSystems.Settings) -> Void = { _ in }) throws
    -> PhysicalSystemsTask
  {
    try PhysicalSystemsFamily.open(settings(edit), data: nil, at: nil)
  }

  private func draw(_ samples: [Int]) -> Draw {
    Draw(training: samples, seed: 1, step: 1, replica: 0)
  }

  private func logits(_ values: [Float], _ shape: Shape, of task: PhysicalSystemsTask) throws
    -> AnswerPrediction
  {
    let pass = ForwardPass(
      ParameterVector(initializing: task.model.layout, seed: 1), mode: .evaluation,
      context: try ComputeContext())
    return AnswerPrediction(pass.tape.constant(Tensor(values, shape: shape)))
  }

  @Test func rowsAndTruthsStandInTheOrderOfColours() throws {
    let task = try task()
    let batch = try task.batch(draw([5, 900]))
    guard case .objects(let rows, nil) = batch.asked.scene,
      case .truths(let truths) = batch.asked.target
    else {
      Issue.record("not rows and truths")
      return
    }
    #expect(rows.shape == [2, 10, 35] && truths.shape == [2, 100])
    for (number, index) in [5, 900].enumerated() {
      let sample = PhysicalSystems.GeneratedScenes(seed: 1).sample(index, in: .training)
      for ball in 0..<10 {
        let color = sample.colors[ball]
        let row = rows.window(from: (number * 10 + color) * 35, shape: [35]).scalars
        #expect(Array(row[..<3]) == PhysicalSystems.palette[color])
        for frame in 0..<16 {
          #expect(row[3 + frame] == sample.position(ofBall: ball, at: frame, axis: 0))
          #expect(row[19 + frame] == sample.position(ofBall: ball, at: frame, axis: 1))
        }
        for other in 0..<10 {
          let place = number * 100 + color * 10 + sample.colors[other]
          let kind = sample.links[ball, other]
          #expect(truths.scalars[place] == (kind == .none ? 0 : 1))
          #expect(batch.asked.categories[place] == (ball == other ? -1 : Int(kind.rawValue)))
        }
      }
    }
  }

  /// What is made of a scene is as good a scene, another one each time, and a function of the draw.
  @Test func symmetriesKeepLinksAndDistances() throws {
    let plain = try task()
    let varied = try task { $0.augmentation = .symmetries }
    let draw = draw(Array(0..<12))
    let (before, after) = (try plain.batch(draw).samples, try varied.batch(draw).samples)
    #expect(after == (try varied.batch(draw).samples) && after != before)
    func distance(_ sample: PhysicalSystems.Sample, _ a: Int, _ b: Int, _ frame: Int) -> Float {
      let ways = (0..<2).map { axis in
        sample.position(ofBall: a, at: frame, axis: axis)
          - sample.position(ofBall: b, at: frame, axis: axis)
      }
      return (ways[0] * ways[0] + ways[1] * ways[1]).squareRoot()
    }
    for (one, other) in zip(before, after) {
      #expect(one.links == other.links && other.colors.sorted() == Array(0..<10))
      for frame in [0, 15] {
        #expect(abs(distance(one, 2, 7, frame) - distance(other, 2, 7, frame)) < 1e-5)
      }
    }
    #expect(Set(zip(before, after).map { $0.positions == $1.positions }) == [true, false])
    // Nothing is made of what results are reported on.
    let test = Draw(evaluating: [0, 1], of: .test, seed: 1, part: 0)
    #expect(try plain.batch(test).samples == varied.batch(test).samples)
  }

  @Test func countsAreLabels() throws {
    let batch = try task { $0.task = .counting }.batch(draw([0, 1, 2]))
    guard case .labels(let labels) = batch.asked.target else {
      Issue.record("no labels")
      return
    }
    for index in 0..<3 {
      let scene = PhysicalSystems.Scene(seed: 1, split: .training, index: index)
      #expect(Int(labels[index]) == scene.links.systemCount - 1)
      #expect(batch.asked.categories[index] == Int(labels[index]))
    }
  }

  /// Other codes of a row tell the same: positions follow from changes of velocity.
  @Test func codesOfMotionTellTheSame() {
    let places: [Float] = (0..<16).map { Float($0 * $0) / 256 - 0.1 * Float($0 % 3) }
    let changes = PhysicalSystems.MotionCode.changes.numbers(of: places)
    var (place, velocity) = (changes[0], changes[1])
    var found = [place]
    for frame in 1..<16 {
      place += 0.1 * velocity
      found.append(place)
      if frame < 15 { velocity += changes[1 + frame] }
    }
    #expect(zip(found, places).allSatisfy { abs($0 - $1) < 1e-4 })
    let all = PhysicalSystems.MotionCode.all.numbers(of: places)
    #expect(Array(all.prefix(16)) == places && all.suffix(14) == changes.dropFirst(2))
    #expect(all[16] == changes[1] && all.count == 16 + 15 + 14)
    for code in PhysicalSystems.MotionCode.allCases {
      #expect(code.numbers(of: places).count * 2 == code.featureCount)
    }
    #expect(PhysicalSystems.ColorCode.oneHot.numbers(of: 3).firstIndex(of: 1) == 3)
  }

  @Test func whatIsMeasuredOfLinks() throws {
    let task = try task()
    #expect(
      task.facts.metrics.map(\.path.description) == [
        "loss", "scenes", "pairs/none", "pairs/spring", "pairs/rigid", "links/precision",
        "links/recall",
      ])
    #expect(task.facts.selector == "scenes")
    let batch = try task.batch(draw(Array(0..<8)))
    guard case .truths(let truths) = batch.asked.target else {
      Issue.record("no truths")
      return
    }
    let right = truths.scalars.map { 4 * $0 - 2 }
    let all = task.model.measure(try logits(right, [8, 100], of: task), for: batch)
    #expect(all.allSatisfy { $0.sum == $0.weight && $0.weight > 0 })
    #expect(all[0].weight == 8 && all[1...3].reduce(Measurement.nothing, +).weight == 8 * 90)
    // Says that everything is linked, itself included.
    let yes = task.model.measure(
      try logits([Float](repeating: 1, count: 800), [8, 100], of: task), for: batch)
    #expect(yes[0].sum == 0 && yes[1].sum == 0 && yes[2].value == 1 && yes[3].value == 1)
    #expect(yes[4] == Measurement(sum: all[5].weight, weight: 8 * 90) && yes[5].value == 1)
    let nan = task.model.measure(
      try logits([Float](repeating: .nan, count: 800), [8, 100], of: task), for: batch)
    #expect(nan.dropLast(2).allSatisfy { $0.sum == 0 } && nan[4] == .nothing)
  }

  @Test func predictionsAreShown() throws {
    let task = try task()
    let batch = try task.batch(draw([0, 1]))
    var values = [Float](repeating: -9, count: 200)
    values[12] = 9
    let shown = try #require(task.exhibits(try logits(values, [2, 100], of: task), for: batch))
    guard case .array(let pairs)? = shown[0]["answer"], case .array(let pair)? = pairs.first else {
      Issue.record("no answer")
      return
    }
    #expect(pairs.count == 1 && Set(pair.prefix(2)) == [.integer(1), .integer(2)])
    #expect(shown[1]["answer"] == .array([]) && shown[1]["right"] == .boolean(false))
    let sample = PhysicalSystems.GeneratedScenes(seed: 1).sample(0, in: .training)
    guard case .array(let truth)? = shown[0]["truth"], case .array(let places)? = shown[0]["places"]
    else {
      Issue.record("no truth")
      return
    }
    #expect(truth.count == sample.links.list.count && places.count == 10)
    let counting = try self.task { $0.task = .counting }
    let counts = try counting.batch(draw([0, 1]))
    let numbers = try #require(
      counting.exhibits(
        try logits([9] + [Float](repeating: 0, count: 19), [2, 10], of: counting), for: counts))
    #expect(numbers[0]["answer"] == .integer(1))
  }

  @Test func settingsThatCannotBeAreRefused() throws {
    func problem(_ edit: (inout PhysicalSystems.Settings) -> Void) -> String {
      do {
        _ = try task(edit)
        return ""
      } catch { return "\(error)" }
    }
    #expect(problem { $0.scenes.test = 0 }.contains("scenes.test is 0"))
    #expect(problem { $0.colorScale = 0 }.contains("colorScale is 0"))
    #expect(problem { $0.colorScale = .nan }.contains("colorScale"))
    #expect(problem { $0.simulator = "Chipmunk 8" }.contains("those of Chipmunk 8"))
    #expect(problem { $0.dataSeed = .max }.contains("dataSeed"))
    #expect(problem { $0.pairWidths = [] }.contains("pairWidths"))
    #expect(problem { $0.readoutWidths = [0] }.contains("give 0 to 64 widths"))
  }

  /// Counting whether there are many links or few is learnt soon: from a motion that is not free.
  @Test(.timeLimit(.minutes(2))) func aShortTrainingRunLearns() throws {
    let task = try task {
      ($0.task, $0.motion) = (.counting, .all)
      ($0.pairWidths, $0.readoutWidths) = ([64, 64], [64])
    }
    let context = try ComputeContext()
    let batches = try (0..<20).map { number in
      try task.batch(draw(Array(number * 50..<(number + 1) * 50)))
    }
    var values = ParameterVector(initializing: task.model.layout, seed: 3)
    var moments = AdamMoments(count: task.model.layout.parameterCount)
    var losses: [Float] = []
    for step in 1...300 {
      let batch = batches[step % batches.count]
      let pass = ForwardPass(
        values, mode: .training(seed: 3, step: step, replica: 0), context: context)
      let loss = task.model.loss(of: task.model.predict(batch, in: pass), for: batch, in: pass)
      losses.append(loss.value.item)
      let gradient = pass.gradient(of: loss)
      AdamStep(step, learningRate: 1e-3).update(
        &values.parameters, moments: &moments, in: 0..<gradient.count, gradient: gradient)
    }
    let (first, last) = (losses.prefix(5).reduce(0, +) / 5, losses.suffix(20).reduce(0, +) / 20)
    #expect(first > 2.2)
    #expect(last < 1.8)
  }

  /// See `scripts/golden/physical.py`.
  @Test(
    arguments: PhysicalSystems.TaskName.allCases, Arithmetic.onThisMachine(in: [.fp32]))
  func theBaselineAgreesWithPyTorch(
    task: PhysicalSystems.TaskName, _ arithmetic: Arithmetic
  ) throws {
    let url = try #require(
      Bundle.module.url(
        forResource: "physical", withExtension: "safetensors", subdirectory: "Golden"))
    let file = try Safetensors(contentsOf: url.path)
    let model = try PhysicalSystemsFamily.model(
      settings {
        ($0.task, $0.model) = (task, .mlp)
        ($0.pairWidths, $0.readoutWidths) = ([14, 12], [11])
      }, data: nil)
    let values = try ParameterVector(
      file, layout: model.layout, prefix: "\(task.rawValue)/weights.")
    let batch = try PhysicalSystemsFamily.batch(
      for: model, from: file, prefix: "\(task.rawValue)/inputs.")
    let pass = ForwardPass(
      values, mode: .training(seed: 1, step: 1, replica: 0), context: try arithmetic.context())
    let prediction = model.predict(batch, in: pass)
    let loss = model.loss(of: prediction, for: batch, in: pass)
    let expected = { (name: String) in try file.tensor("\(task.rawValue)/\(name)") }
    #expect(distance(of: prediction.logits.value, from: try expected("logits")) < 1e-4)
    #expect(distance(of: loss.value, from: try expected("loss")) < 1e-5)
    let gradient = pass.gradient(of: loss)
    for parameter in model.layout.parameters {
      let found = gradient.window(from: parameter.offset, shape: parameter.shape)
      #expect(
        distance(of: found, from: try expected("gradients.\(parameter.name)")) < 1e-4,
        "\(parameter.name)")
    }
  }
}
