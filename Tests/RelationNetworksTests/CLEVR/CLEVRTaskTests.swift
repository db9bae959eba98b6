// The task that training sees: its batches, what is measured of them, and images that move.

import Autodiff
import Learning
import NeuralNetworks
import Pictures
import Tensors
import Testing

@testable import RelationNetworks

@Suite struct CLEVRTaskTests {
  private func task(_ model: CLEVR.ModelName) throws -> CLEVRTask {
    var settings = try CLEVRFamily.preset("state-small").settings
    settings.model = model
    settings.scenes = .init(training: 8, validation: 4, test: 4)
    let source = CLEVR.GeneratedQuestions(
      seed: 1, sceneCounts: settings.scenes, keepsPictures: false)
    let facts = try CLEVRFamily.facts(settings, data: nil)
    return CLEVRTask(
      model: try CLEVRFamily.model(settings, data: nil), facts: facts, source: source,
      augments: true)
  }

  private func draw(_ samples: [Int], of split: Split = .training, step: Int = 1) -> Draw {
    split == .training
      ? Draw(training: samples, seed: 1, step: step, replica: 0)
      : Draw(evaluating: samples, of: split, seed: 1, part: 0)
  }

  @Test func aBatchHoldsTheObjectsAndWordsThatThereAre() throws {
    let task = try task(.stateRN)
    let samples = [79, 0, 15, 15]
    let batch = try task.batch(draw(samples))
    guard case .objects(let rows, let counts?) = batch.scene,
      case .words(let words) = batch.question,
      case .labels(let labels) = batch.target
    else {
      Issue.record("not rows, words and labels")
      return
    }
    let world = CLEVR.World(seed: 1)
    #expect(rows.shape == [4, counts.max() ?? 0, CLEVR.featureCount])
    for (i, index) in samples.enumerated() {
      let scene = world.view(index / 10, in: .training).scene
      let question = world.questions(about: index / 10, in: .training)[index % 10]
      #expect(counts[i] == scene.objects.count)
      let width = words.shape[1]
      let read = words.indices[i * width..<i * width + words.lengths[i]]
      #expect(read.map { CLEVR.words[Int($0)] } == question.words)
      #expect(CLEVR.Answer.all[Int(labels[i])] == question.answer)
      #expect(CLEVR.Category(rawValue: batch.categories[i]) == question.category)
      for (k, object) in scene.objects.enumerated() {
        let row = rows.window(
          from: (i * rows.shape[1] + k) * CLEVR.featureCount, shape: [CLEVR.featureCount]
        ).scalars
        #expect(row[0] == Float(object.position.x) && row[2] == Float(object.position.z))
        // One of each kind.
        #expect(row[3..<11].firstIndex(of: 1) == 3 + object.color.rawValue)
        #expect(row[11..<14].firstIndex(of: 1) == 11 + object.shape.rawValue)
        #expect(row[14..<16].firstIndex(of: 1) == 14 + object.material.rawValue)
        #expect(row[16..<18].firstIndex(of: 1) == 16 + object.size.rawValue)
        #expect(row[3...].reduce(0, +) == 4)
      }
    }
    #expect(batch.names[0] == "CLEVR_train_000007.png")
  }

  @Test(arguments: CLEVR.ModelName.allCases)
  func everyModelAnswersAndLearns(name: CLEVR.ModelName) throws {
    let task = try task(name)
    let batch = try task.batch(draw([3, 44]))
    let values = ParameterVector(initializing: task.model.layout, seed: 1)
    let pass = ForwardPass(
      values, mode: .training(seed: 1, step: 1, replica: 0), context: try ComputeContext())
    let prediction = task.model.predict(batch, in: pass)
    #expect(prediction.logits.shape == [2, CLEVR.answerCount])
    let lines = try #require(task.exhibits(prediction, for: batch))
    #expect(lines.count == 2)
    for key in ["category", "image", "question", "truth", "answer", "probabilities"] {
      #expect(lines[0][key] != nil, "\(key)")
    }
    let gradient = pass.gradient(of: task.model.loss(of: prediction, for: batch, in: pass))
    #expect(gradient.scalars.contains { $0 != 0 } && gradient.scalars.allSatisfy(\.isFinite))
    #expect(
      task.facts.metrics.dropFirst().map(\.path.description) == [
        "accuracy/count", "accuracy/exist", "accuracy/compare-numbers",
        "accuracy/query-attribute", "accuracy/compare-attribute",
      ])
  }

  // MARK: Images

  private func pixels(_ batch: AnswerBatch) throws -> [Float] {
    guard case .image(let images) = batch.scene else { throw TestProblem() }
    return images.scalars
  }

  private struct TestProblem: Error {}

  @Test func imagesMoveInTrainingOnly() throws {
    let task = try task(.cnnRN)
    let first = try pixels(try task.batch(draw([5, 5])))
    let half = first.count / 2
    #expect(Array(first[..<half]) != Array(first[half...]), "each sample moves by itself")
    #expect(try pixels(try task.batch(draw([5, 5]))) == first, "a batch is a function of its draw")
    #expect(try pixels(try task.batch(draw([5, 5], step: 2))) != first)
    let still = try pixels(try task.batch(draw([5, 6], of: .test)))
    #expect(Array(still[..<half]) == Array(still[half...]), "one scene, as it is")
    let picture = CLEVR.GeneratedQuestions(
      seed: 1, sceneCounts: .init(training: 8, validation: 4, test: 4),
      keepsPictures: false
    ).picture(ofScene: 0, in: .test)
    #expect(still[128] == Float(picture.bytes[3 * 128]) / 255)
  }

  @Test func aMovementIsSmall() {
    // A white pixel in the middle of black ones.
    let extent = CLEVR.imageExtent
    var picture = RGBImage(width: extent, height: extent, filledWith: 0)
    let middle = 64 * extent + 64
    for channel in 0..<3 { picture.bytes[3 * middle + channel] = 255 }
    var random = CounterRandom(seed: 3, purpose: .trial, index: 0)
    var places: Set<Int> = []
    for _ in 0..<100 {
      var pixels = [Float](repeating: 0, count: 3 * extent * extent)
      let movement = CLEVR.Movement(&random)
      pixels.withUnsafeMutableBufferPointer { movement.write(picture, into: $0) }
      let lit = (0..<extent * extent).filter { pixels[$0] > 0 }
      #expect(lit.allSatisfy { abs($0 % extent - 64) <= 5 && abs($0 / extent - 64) <= 5 })
      #expect(abs(pixels[..<(extent * extent)].reduce(0, +) - 1) < 0.2)
      places.insert(lit.first ?? 0)
    }
    #expect(places.count > 40)
  }

  /// The corners turn by no more than 0.05 rad, and beyond the border its pixels go on.
  @Test func whatIsBeyondTheBorderIsLikeTheBorder() {
    let extent = CLEVR.imageExtent
    let picture = RGBImage(width: extent, height: extent, filledWith: 200)
    var random = CounterRandom(seed: 4, purpose: .trial, index: 0)
    for _ in 0..<20 {
      var pixels = [Float](repeating: 0, count: 3 * extent * extent)
      let movement = CLEVR.Movement(&random)
      pixels.withUnsafeMutableBufferPointer { movement.write(picture, into: $0) }
      #expect(pixels.allSatisfy { abs($0 - 200.0 / 255) < 1e-5 })
    }
  }
}
