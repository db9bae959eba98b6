// The models of dynamic physical systems, and what is measured of their answers.

import Autodiff
import Files
import Learning
import NeuralNetworks
import Tensors

/// A model that is shown ten balls and answers which are joined, or how many systems they make.
public struct PhysicalSystemsModel: LearningModel {
  /// What answers.
  public let answers: AnswerModel
  /// Whether it is asked about each pair of balls.
  private let isAskedForLinks: Bool

  /// The model of settings that can be built.
  init(_ settings: PhysicalSystems.Settings) {
    answers = AnswerModel(settings.modelConfiguration)
    isAskedForLinks = settings.task == .connections
  }

  /// The parameters.
  public var layout: ParameterLayout { answers.layout }

  /// What is measured: of links the share of whole scenes, of pairs by what joins them, and of the
  /// links that are said or there; of counts the share of right ones.
  var metrics: [Metric] {
    answers.configuration.answers.metrics + (isAskedForLinks ? Self.linkMetrics : [])
  }

  /// Of the links that the model says there are, the share that is there; of those that are there,
  /// the share that it says.
  ///
  /// Read as the sum of both, `links` is their harmonic mean F1: twice the right ones among those
  /// said and those there.
  private static let linkMetrics = ["precision", "recall"].map {
    Metric(MetricPath(["links", $0]), better: .higher, unit: .share)
  }

  /// The logits, `[batch, 100]` or `[batch, 10]`.
  public func predict(_ batch: AnswerBatch, in pass: ForwardPass) -> Variable {
    answers.predict(batch, in: pass)
  }

  /// The mean binary cross-entropy over all pairs, or cross-entropy.
  public func loss(
    of logits: Variable, for batch: AnswerBatch, in pass: ForwardPass
  ) -> Variable {
    answers.loss(of: logits, for: batch, in: pass)
  }

  /// A measurement for each of `metrics`.
  public func measure(_ logits: Variable, for batch: AnswerBatch) -> [Measurement] {
    let measured = answers.measure(logits, for: batch)
    guard case .truths(let truths) = batch.target else { return measured }
    var (right, said, there) = (0.0, 0.0, 0.0)
    for (logit, truth) in zip(logits.value.scalars, truths.scalars) {
      if logit > 0 { said += 1 }
      if truth > 0.5 { there += 1 }
      if logit > 0 && truth > 0.5 { right += 1 }
    }
    return measured + [
      Measurement(sum: right, weight: said), Measurement(sum: right, weight: there),
    ]
  }
}

extension PhysicalSystemsFamily {
  /// Made-up samples of the model's true shapes, for timing.
  public static func trialBatch(
    for model: PhysicalSystemsModel, count: Int, random: inout CounterRandom
  ) -> AnswerBatch {
    model.answers.trialBatch(count: count, random: &random)
  }

  /// A batch from a file that another program may have written; see `AnswerModel.batch`.
  public static func batch(
    for model: PhysicalSystemsModel, from file: Safetensors, prefix: String
  ) throws(SafetensorsError) -> AnswerBatch {
    try model.answers.batch(from: file, prefix: prefix)
  }
}
