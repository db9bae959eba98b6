// The task that training sees: its batches, what is measured of them, and that it can be learnt.

import Autodiff
import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import RelationNetworks

@Suite struct SortOfCLEVRTaskTests {
  private func task(
    _ model: SortOfCLEVR.ModelName, training: Int = 100
  ) throws -> SortOfCLEVRTask {
    var settings = try SortOfCLEVRFamily.preset("quick").settings
    settings.model = model
    settings.images = .init(training: training, validation: 20, test: 20)
    return try SortOfCLEVRFamily.open(settings, data: nil, at: nil)
  }

  private func draw(_ samples: [Int], of split: Split = .training) -> Draw {
    split == .training
      ? Draw(training: samples, seed: 1, step: 1, replica: 0)
      : Draw(evaluating: samples, of: split, seed: 1, part: 0)
  }

  @Test func aBatchHoldsTheSamplesInOrder() throws {
    let samples = [1_999, 0, 45, 45]
    let dataSet = SortOfCLEVR.DataSet(
      seed: 1, imageCounts: .init(training: 100, validation: 20, test: 20))
    for (model, shape) in [
      (SortOfCLEVR.ModelName.cnnRN, [4, 3, 75, 75]), (.stateRN, [4, 6, 10]),
    ] {
      let batch = try task(model).batch(draw(samples))
      let scenes: Tensor
      switch batch.scene {
      case .image(let images): scenes = images
      case .objects(let rows, let counts):
        scenes = rows
        #expect(counts == nil)
      case .story:
        Issue.record("a story")
        return
      }
      guard case .bits(let questions) = batch.question, case .labels(let labels) = batch.target
      else {
        Issue.record("not bits and labels")
        return
      }
      #expect(scenes.shape == Shape(shape) && questions.shape == [4, 11])
      let count = scenes.count / 4
      for (i, index) in samples.enumerated() {
        let sample = dataSet.sample(index, in: .training)
        var expected = [Float](repeating: 0, count: count)
        expected.withUnsafeMutableBufferPointer {
          if model.seesPixels {
            sample.scene.render(into: $0)
          } else {
            sample.scene.describeState(into: $0)
          }
        }
        #expect(Array(scenes.scalars[i * count..<(i + 1) * count]) == expected)
        #expect(Array(questions.scalars[i * 11..<(i + 1) * 11]) == sample.question.bits)
        #expect(labels[i] == Int32(sample.answer.rawValue))
        #expect(batch.categories[i] == sample.question.kind.rawValue)
      }
    }
  }

  @Test func rightAnswersAreCountedByCategory() throws {
    let task = try task(.stateRN)
    let values = ParameterVector(initializing: task.model.layout, seed: 1)
    let batch = try task.batch(draw(Array(0..<60), of: .validation))
    let pass = ForwardPass(values, mode: .evaluation, context: try ComputeContext())
    let prediction = task.model.predict(batch, in: pass)
    let logits = prediction.logits
    guard case .labels(let labels) = batch.target else {
      Issue.record("no labels")
      return
    }
    var expected = [Measurement](repeating: .nothing, count: 6)
    for i in 0..<60 {
      let row = Array(logits.value.scalars[i * 10..<(i + 1) * 10])
      let isRight = row.firstIndex(of: row.max() ?? 0) == Int(labels[i])
      expected[batch.categories[i]] += Measurement(sum: isRight ? 1 : 0, weight: 1)
    }
    let found = task.model.measure(prediction, for: batch)
    #expect(found == expected)
    #expect(found.reduce(Measurement.nothing, +).weight == 60)
    #expect(
      task.facts.metrics.map(\.path.description) == [
        "loss", "accuracy/non_relational/shape", "accuracy/non_relational/horizontal",
        "accuracy/non_relational/vertical", "accuracy/relational/closest",
        "accuracy/relational/furthest", "accuracy/relational/count",
      ])
    #expect(task.facts.selector == "accuracy" && task.facts.isBetter(0.5, than: 0.4))
  }

  @Test func whatIsNoNumberIsNoAnswer() throws {
    let task = try task(.stateRN)
    let batch = try task.batch(draw([0, 1, 2]))
    let pass = ForwardPass(
      ParameterVector(initializing: task.model.layout, seed: 1), mode: .evaluation,
      context: try ComputeContext())
    let logits = pass.tape.constant(Tensor(repeating: .nan, shape: [3, 10]))
    let measured = task.model.measure(AnswerPrediction(logits), for: batch).reduce(
      Measurement.nothing, +)
    #expect(measured == Measurement(sum: 0, weight: 3))
    let shown = try #require(task.exhibits(AnswerPrediction(logits), for: batch))
    #expect(shown.allSatisfy { $0["answer"] == .null })
  }

  @Test func predictionsAreShownInWords() throws {
    let task = try task(.stateMLP)
    let batch = try task.batch(draw([10, 3]))
    let pass = ForwardPass(
      ParameterVector(initializing: task.model.layout, seed: 1), mode: .evaluation,
      context: try ComputeContext())
    let logits = pass.tape.constant(
      Tensor([Float](repeating: 0, count: 17) + [3, 0, 0], shape: [2, 10]))
    let shown = try #require(task.exhibits(AnswerPrediction(logits), for: batch))
    for (i, index) in [10, 3].enumerated() {
      let sample = SortOfCLEVR.DataSet(seed: 1).sample(index, in: .training)
      #expect(shown[i]["question"] == .string(sample.question.text))
      #expect(shown[i]["truth"] == .string(sample.answer.name))
      #expect(shown[i]["category"] == .string(sample.question.kind.name))
    }
    #expect(shown[0]["answer"] == .string("yes") && shown[1]["answer"] == .string("4"))
    guard case .object(let shares)? = shown[1]["probabilities"],
      case .number(let four)? = shares["4"]
    else {
      Issue.record("no probabilities")
      return
    }
    #expect(shares.count == 10 && four > 0.6)
  }

  /// A few hundred steps of Adam on state descriptions: the loss falls from that of a guess among
  /// ten to less than that of the commonest answers.
  @Test(.timeLimit(.minutes(1))) func aShortTrainingRunLearns() throws {
    let task = try task(.stateRN, training: 2_000)
    let context = try ComputeContext()
    let order = SampleOrder(sampleCount: 40_000, replicas: 1, batchSize: 64, seed: 3)
    var values = ParameterVector(initializing: task.model.layout, seed: 3)
    var moments = AdamMoments(count: task.model.layout.parameterCount)
    var losses: [Float] = []
    for step in 1...300 {
      let samples = order.samples(step: step, replica: 0)
      let batch = try task.batch(Draw(training: samples, seed: 3, step: step, replica: 0))
      let pass = ForwardPass(
        values, mode: .training(seed: 3, step: step, replica: 0), context: context)
      let loss = task.model.loss(of: task.model.predict(batch, in: pass), for: batch, in: pass)
      losses.append(loss.value.item)
      let gradient = pass.gradient(of: loss)
      AdamStep(step, learningRate: 1e-3).update(
        &values.parameters, moments: &moments, in: 0..<gradient.count, gradient: gradient)
    }
    let (first, last) = (losses.prefix(5).reduce(0, +) / 5, losses.suffix(50).reduce(0, +) / 50)
    #expect(first > 2 && first < 3)
    #expect(last < 0.75)
  }
}
