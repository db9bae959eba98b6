// The task that training sees: its batches, its counts of right answers, and that it can be learnt.

import Autodiff
import NeuralNetworks
import Tensors
import Testing

@testable import RelationNetworks

@Suite struct SortOfCLEVRTaskTests {
  private func task(_ model: String, training: Int = 100) throws -> SortOfCLEVRTask {
    var configuration = try TaskCatalogue.configuration(
      task: "sort-of-clevr", model: model, preset: "quick")
    configuration.imageCounts = .init(training: training, validation: 20, test: 20)
    return try #require(try TaskCatalogue.task(configuration) as? SortOfCLEVRTask)
  }

  @Test func aBatchHoldsTheSamplesInOrder() throws {
    let samples = [1_999, 0, 45, 45]
    for (model, shape) in [("cnn-rn", [4, 3, 75, 75]), ("state-rn", [4, 6, 10])] {
      let task = try task(model)
      let batch = task.batch(of: samples, in: .training)
      #expect(batch.scenes.shape == Shape(shape) && batch.questions.shape == [4, 11])
      let count = batch.scenes.count / 4
      for (i, index) in samples.enumerated() {
        let sample = task.dataSet.sample(index, in: .training)
        var expected = [Float](repeating: 0, count: count)
        expected.withUnsafeMutableBufferPointer {
          if model == "cnn-rn" {
            sample.scene.render(into: $0)
          } else {
            sample.scene.describeState(into: $0)
          }
        }
        #expect(Array(batch.scenes.scalars[i * count..<(i + 1) * count]) == expected)
        #expect(Array(batch.questions.scalars[i * 11..<(i + 1) * 11]) == sample.question.bits)
        #expect(batch.labels[i] == Int32(sample.answer.rawValue))
        #expect(task.categories[batch.categories[i]] == sample.question.kind.category)
      }
    }
  }

  @Test func rightAnswersAreCountedByCategory() throws {
    let task = try task("state-rn")
    let values = ParameterVector(initializing: task.layout, seed: 1)
    let batch = task.batch(of: Array(0..<60), in: .validation)
    let pass = ForwardPass(values, mode: .evaluation, context: try ComputeContext())
    let outcome = task.forward(batch, in: pass)
    var correct = [Int](repeating: 0, count: 6)
    var counted = correct
    for i in 0..<60 {
      let row = Array(outcome.logits.value.scalars[i * 10..<(i + 1) * 10])
      counted[batch.categories[i]] += 1
      if row.firstIndex(of: row.max() ?? 0) == Int(batch.labels[i]) {
        correct[batch.categories[i]] += 1
      }
    }
    #expect(outcome.correct == correct && outcome.counted == counted)
    #expect(counted.reduce(0, +) == 60)
    #expect(
      task.categories.map(\.name).joined(separator: " ")
        == "shape horizontal vertical closest furthest count")
    #expect(
      task.categories.map(\.group).prefix(4)
        == ["non_relational", "non_relational", "non_relational", "relational"])
  }

  /// A few hundred steps of Adam on state descriptions: the loss falls from that of a guess among
  /// ten to less than that of the commonest answers.
  @Test(.timeLimit(.minutes(1))) func aShortTrainingRunLearns() throws {
    let task = try task("state-rn", training: 2_000)
    let context = try ComputeContext()
    let order = SampleOrder(sampleCount: 40_000, replicas: 1, batchSize: 64, seed: 3)
    var values = ParameterVector(initializing: task.layout, seed: 3)
    var moments = AdamMoments(count: task.layout.parameterCount)
    var losses: [Float] = []
    for step in 1...300 {
      let batch = task.batch(of: order.samples(step: step, replica: 0), in: .training)
      let pass = ForwardPass(
        values, mode: .training(seed: 3, step: step, replica: 0), context: context)
      let outcome = task.forward(batch, in: pass)
      losses.append(outcome.loss.value.item)
      let gradient = pass.gradient(of: outcome.loss)
      AdamStep(step, learningRate: 1e-3).update(
        &values.parameters, moments: &moments, in: 0..<gradient.count, gradient: gradient)
    }
    let (first, last) = (losses.prefix(5).reduce(0, +) / 5, losses.suffix(50).reduce(0, +) / 50)
    #expect(first > 2 && first < 3)
    #expect(last < 0.75)
  }
}
