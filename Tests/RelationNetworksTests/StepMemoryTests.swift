// A training step in the steady state takes no tensor memory from the system.

import Autodiff
import Learning
import NeuralNetworks
import Tensors
import Testing

@testable import RelationNetworks

/// Each in a process of its own, because the memory of tensors is the process's.
@Suite struct StepMemoryTests {
  @Test(arguments: ModelKind.allCases)
  func aStepReusesTheMemoryOfTheOneBefore(of kind: ModelKind) async {
    await #expect(processExitsWith: .success) { [kind = kind as ModelKind] in
      for arithmetic in Arithmetic.onThisMachine {
        try expectSteadyMemory(of: kind, arithmetic, threadCount: 1)
      }
    }
  }

  @Test(arguments: ModelKind.allCases)
  func threadsLeaveNothingBehindAStep(of kind: ModelKind) async {
    await #expect(processExitsWith: .success) { [kind = kind as ModelKind] in
      for arithmetic in Arithmetic.onThisMachine {
        try expectSteadyMemory(of: kind, arithmetic, threadCount: 2)
      }
    }
  }

  @Test func raggedStepsShareTheMemoryOfEarlierOnes() async {
    await #expect(processExitsWith: .success) {
      var layout = ParameterLayout()
      let network = RelationNetwork(
        "rn", objectFeatures: 20, questionFeatures: 8, pairWidths: [64, 64, 64],
        readoutWidths: [32, 7], in: &layout)
      var training = Training(of: layout, try ComputeContext(threadCount: 1))
      var random = CounterRandom(seed: 3, purpose: .trial, index: 0)
      func step(fewest: Int = 8) {
        // The batch's longest set decides its extent; the others are shorter.
        let counts = (0..<16).map { _ in
          fewest + Int(random.integer(below: UInt32(16 - fewest)))
        }
        let objects = Tensor(repeating: 0.5, shape: [16, counts.max() ?? 0, 20])
        let question = Tensor(repeating: 0.25, shape: [16, 8])
        let labels = (0..<16).map { _ in Int32(random.integer(below: 7)) }
        training.step { pass in
          network(
            ObjectSet(pass.tape.constant(objects), counts: counts),
            question: pass.tape.constant(question), in: pass
          ).crossEntropy(labels: labels)
        }
      }
      // A full batch, so that no later one is larger, and most of the sizes there are.
      step(fewest: 15)
      for _ in 0..<200 { step() }
      let before = TensorMemory.current
      for _ in 0..<200 { step() }
      let after = TensorMemory.current
      #expect(after.blocksTaken == before.blocksTaken, "\(before) became \(after)")
      #expect(after.bytesHeld < 2 * after.peakBytesInUse, "\(after) is mostly waste")
    }
  }
}

/// What models differ by in the operations that they take.
enum ModelKind: String, CaseIterable, Codable {
  case pixels, pixelsWithoutRelation, words, story, objects

  /// A model with a few chunks of work, so that threads have something to share.
  var model: AnswerModel {
    let language = AnswerModelConfiguration.Language(
      vocabulary: 20, embeddingWidth: 8, stateWidth: 16)
    func model(
      _ scene: AnswerModelConfiguration.Scene, _ question: AnswerModelConfiguration.Question,
      _ reasoning: AnswerModelConfiguration.Reasoning = .relation
    ) -> AnswerModel {
      AnswerModel(
        AnswerModelConfiguration(
          scene: scene, question: question, reasoning: reasoning, pairWidths: [32, 32, 32, 32],
          readoutWidths: [32, 32],
          answers: self == .objects
            ? .truths(8, whole: .accuracy("all"), categories: [.accuracy("edges")]) : .labels(8),
          dropout: 0.5))
    }
    return switch self {
    case .pixels: model(.image(extent: 16, channels: [8, 8]), .bits(5))
    case .pixelsWithoutRelation: model(.image(extent: 16, channels: [8, 8]), .bits(5), .perceptron)
    case .words: model(.objects(count: 8, features: 6), .words(7, language))
    case .story: model(.story(sentences: 8, words: 5, language), .words(5, language))
    case .objects: model(.objects(count: 8, features: 6), .none)
    }
  }
}

private struct Arithmetic: CustomStringConvertible {
  let engine: MatrixEngine
  let precision: Precision

  static var onThisMachine: [Arithmetic] {
    MatrixEngine.allCases.flatMap { engine in
      Precision.allCases.filter { engine.failure(computingIn: $0) == nil }
        .map { Arithmetic(engine: engine, precision: $0) }
    }
  }

  var description: String { "\(engine)/\(precision)" }
}

/// Expects that steps, once warm, hold as much memory as the one before, and that on one thread
/// they ask the system for none; how many chunks of an operation run at once is not for two to say.
private func expectSteadyMemory(
  of kind: ModelKind, _ arithmetic: Arithmetic, threadCount: Int
) throws {
  let model = kind.model
  var random = CounterRandom(seed: 0, purpose: .trial, index: 0)
  let batch = model.trialBatch(count: 48, random: &random)
  let context = try ComputeContext(
    threadCount: threadCount, engine: arithmetic.engine, precision: arithmetic.precision)
  var training = Training(of: model.layout, context)
  func memoryAfterStep() -> TensorMemory {
    training.step { model.loss(of: model.predict(batch, in: $0), for: batch, in: $0) }
    return TensorMemory.current
  }
  for _ in 0..<2 { _ = memoryAfterStep() }
  let before = memoryAfterStep()
  #expect(before.blocksTaken > 20, "the steps' memory is not counted")
  for _ in 0..<5 {
    let after = memoryAfterStep()
    #expect(
      after.bytesInUse == before.bytesInUse, "\(kind) in \(arithmetic): \(before) became \(after)")
    #expect(
      threadCount > 1 || after.blocksTaken == before.blocksTaken,
      "\(kind) in \(arithmetic): \(before) became \(after)")
  }
}

/// Forward, backward and Adam.
private struct Training {
  private let context: ComputeContext
  private var values: ParameterVector
  private var moments: AdamMoments
  private var count = 0

  init(of layout: ParameterLayout, _ context: ComputeContext) {
    self.context = context
    values = ParameterVector(initializing: layout, seed: 0)
    moments = AdamMoments(count: layout.parameterCount)
  }

  mutating func step(_ loss: (ForwardPass) -> Variable) {
    count += 1
    let gradient = gradient(of: loss)
    AdamStep(count, learningRate: 1e-4).update(
      &values.parameters, moments: &moments, in: 0..<gradient.count, gradient: gradient)
  }

  /// In a function of its own, so that the pass is gone before Adam writes the parameters.
  private func gradient(of loss: (ForwardPass) -> Variable) -> Tensor {
    let pass = ForwardPass(
      values, mode: .training(seed: 0, step: count, replica: 0), context: context)
    return pass.gradient(of: loss(pass))
  }
}
