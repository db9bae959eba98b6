// The models of dynamic physical systems, and what is measured of their answers.

import Autodiff
import Files
import Learning
import NeuralNetworks
import Tensors

/// Some scenes as a model reads them, and as they are.
public struct PhysicalSystemsBatch: Sendable {
  /// Rows, and links or counts.
  let asked: AnswerBatch
  /// The scenes; none if the batch is made up.
  let samples: [PhysicalSystems.Sample]
}

/// A model that is shown ten balls and answers which are joined, or how many systems they make.
public struct PhysicalSystemsModel: LearningModel {
  /// What answers.
  private let answers: AnswerModel
  /// Whether it is asked about each pair of balls.
  private let isAskedForLinks: Bool
  /// The recorded motions that scenes may be of, by name.
  private let sequences: [String]

  /// The model of settings that can be built, for scenes of the given motions.
  init(_ settings: PhysicalSystems.Settings, sequences: [String] = []) {
    answers = AnswerModel(settings.modelConfiguration)
    isAskedForLinks = settings.task == .connections
    self.sequences = sequences
  }

  /// The parameters.
  public var layout: ParameterLayout { answers.layout }

  /// What is measured: of links the share of whole scenes, of pairs by what joins them, and of the
  /// links that are said or there, also motion by motion; of counts the share of right ones.
  var metrics: [Metric] {
    let answered = answers.configuration.answers.metrics
    guard isAskedForLinks else { return answered }
    return answered + Self.linkMetrics(["links"])
      + sequences.flatMap { Self.linkMetrics(["sequences", $0]) }
  }

  /// Of the links that the model says there are, the share that is there; of those that are there,
  /// the share that it says.
  ///
  /// Read as the sum of both, their parent is their harmonic mean F1: twice the right ones among
  /// those said and those there.
  private static func linkMetrics(_ parent: [String]) -> [Metric] {
    ["precision", "recall"].map {
      Metric(MetricPath(parent + [$0]), better: .higher, unit: .share)
    }
  }

  /// The logits, `[batch, 100]` or `[batch, 10]`.
  public func predict(_ batch: PhysicalSystemsBatch, in pass: ForwardPass) -> AnswerPrediction {
    answers.predict(batch.asked, in: pass)
  }

  /// The mean binary cross-entropy over all pairs, or cross-entropy.
  public func loss(
    of prediction: AnswerPrediction, for batch: PhysicalSystemsBatch, in pass: ForwardPass
  ) -> Variable {
    answers.loss(of: prediction, for: batch.asked, in: pass)
  }

  /// A measurement for each of `metrics`.
  public func measure(
    _ prediction: AnswerPrediction, for batch: PhysicalSystemsBatch
  ) -> [Measurement] {
    let measured = answers.measure(prediction, for: batch.asked)
    guard case .truths(let truths) = batch.asked.target else { return measured }
    var all = LinkCount()
    var apart = [LinkCount](repeating: LinkCount(), count: sequences.count)
    let width = truths.shape[1]
    for row in 0..<truths.shape[0] {
      var count = LinkCount()
      count.add(
        prediction.logits.value.window(from: row * width, shape: [width]).scalars,
        truths.window(from: row * width, shape: [width]).scalars)
      all.add(count)
      if row < batch.samples.count, let sequence = batch.samples[row].origin?.sequence,
        apart.indices.contains(sequence)
      {
        apart[sequence].add(count)
      }
    }
    return measured + ([all] + apart).flatMap(\.measurements)
  }

  /// Links that are said, those that are there, and those that are both.
  private struct LinkCount {
    private var (right, said, there) = (0, 0, 0)

    /// Adds a scene; a ball and itself are no link, whatever is said of them.
    mutating func add(_ logits: [Float], _ truths: [Float]) {
      for (pair, (logit, truth)) in zip(logits, truths).enumerated()
      where pair / PhysicalSystems.ballCount != pair % PhysicalSystems.ballCount {
        if logit > 0 { said += 1 }
        if truth > 0.5 { there += 1 }
        if logit > 0 && truth > 0.5 { right += 1 }
      }
    }

    mutating func add(_ other: LinkCount) {
      (right, said, there) = (right + other.right, said + other.said, there + other.there)
    }

    /// Precision and recall.
    var measurements: [Measurement] {
      [
        Measurement(sum: Double(right), weight: Double(said)),
        Measurement(sum: Double(right), weight: Double(there)),
      ]
    }
  }
}

extension PhysicalSystemsFamily {
  /// Made-up samples of the model's true shapes, for timing.
  public static func trialBatch(
    for model: PhysicalSystemsModel, count: Int, random: inout CounterRandom
  ) -> PhysicalSystemsBatch {
    model.trialBatch(count: count, random: &random)
  }

  /// A batch from a file that another program may have written; see `AnswerModel.batch`.
  public static func batch(
    for model: PhysicalSystemsModel, from file: Safetensors, prefix: String
  ) throws(SafetensorsError) -> PhysicalSystemsBatch {
    try model.batch(from: file, prefix: prefix)
  }
}

extension PhysicalSystemsModel {
  fileprivate func trialBatch(count: Int, random: inout CounterRandom) -> PhysicalSystemsBatch {
    PhysicalSystemsBatch(
      asked: answers.trialBatch(count: count, random: &random), samples: [])
  }

  fileprivate func batch(
    from file: Safetensors, prefix: String
  ) throws(SafetensorsError) -> PhysicalSystemsBatch {
    PhysicalSystemsBatch(asked: try answers.batch(from: file, prefix: prefix), samples: [])
  }
}
