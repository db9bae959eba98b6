// The models of CLUTRR: a relation network over sentences, as it is and with refined sets.

import Autodiff
import Learning
import NeuralNetworks
import Tensors

extension CLUTRR {
  /// Some stories as a model reads them.
  public struct Batch: Sendable {
    /// The sentences, `[batch, sentences, words]`.
    let sentences: WordIndices
    /// The sentences of each story.
    let counts: [Int]
    /// The sentences of each story in one, `[batch, words]`.
    let text: WordIndices
    /// Where the two people who are asked about stand in the text.
    let mentions: [(first: [Int], second: [Int])]
    /// The right answers.
    let labels: [Int32]
    /// The lengths of the chains of relations, each by its number among those that are measured.
    let categories: [Int]
    /// What the stories are called; none for made-up ones.
    let names: [String]
  }
}

/// A model that says how two people of a story are related (Huang and others 2020, section 3.3).
///
/// One encoder of LSTMs in both directions reads each sentence by itself and the whole text. A
/// sentence is the mean of its words' states; the question is the sum of the states where each of
/// the two people stands in the text. The relation network looks at all pairs of sentences.
public struct CLUTRRModel: LearningModel {
  /// What the model is built of.
  let settings: CLUTRR.Settings
  /// The words that it reads, people and what it has never seen among them.
  let wordCount: Int
  /// The relations that it answers with.
  let answerCount: Int
  /// The parameters.
  public let layout: ParameterLayout
  private let encoder: ContextEncoder
  private let reasoning: RelationNetwork
  private let refining: Refining

  /// What is done to the sentences before they are reasoned about.
  private enum Refining: Sendable {
    case none
    case set(SetRefiner, SetSummary, target: Linear)
    case graph(SetRefiner, GraphSummary, target: Linear)
  }

  /// The model of settings that make sense.
  init(_ settings: CLUTRR.Settings, wordCount: Int, answerCount: Int) {
    (self.settings, self.wordCount, self.answerCount) = (settings, wordCount, answerCount)
    var layout = ParameterLayout()
    let width = 2 * settings.stateWidth
    encoder = ContextEncoder(
      "encoder", words: wordCount, features: settings.embeddingWidth,
      hidden: settings.stateWidth, layers: settings.layers, dropout: settings.dropout, in: &layout)
    reasoning = RelationNetwork(
      "rn", objectFeatures: width, questionFeatures: 2 * width, pairWidths: settings.pairWidths,
      readoutWidths: settings.readoutWidths + [answerCount], in: &layout)
    let refiner = SetRefiner(settings.refiner)
    func target(in layout: inout ParameterLayout) -> Linear {
      Linear(
        "refiner.target", from: width,
        to: settings.summaryWidths[settings.summaryWidths.count - 1], in: &layout)
    }
    switch settings.model {
    case .rn: refining = .none
    case .srn:
      refining = .set(
        refiner,
        .ofElements(
          "refiner.summary", features: width, widths: settings.summaryWidths, in: &layout),
        target: target(in: &layout))
    case .grn:
      refining = .graph(
        refiner,
        GraphSummary(
          "refiner.summary", features: width, widths: settings.summaryWidths, in: &layout),
        target: target(in: &layout))
    }
    self.layout = layout
  }

  /// What is measured: the share of right answers by length, and the refinement.
  var metrics: [Metric] {
    CLUTRR.metrics + (settings.model == .rn ? [] : settings.refiner.metrics)
  }

  /// The relation of the second person to the first.
  public func predict(_ batch: CLUTRR.Batch, in pass: ForwardPass) -> AnswerPrediction {
    let read = encoder(batch.sentences, in: pass)
    let question = question(of: batch, in: pass)
    let sentences = ObjectSet(read.means, counts: batch.counts)
    switch refining {
    case .none:
      let logits = reasoning(sentences, question: question, in: pass)
      return AnswerPrediction(logits)
    case .set(let refiner, let summary, let target):
      let seen = target(read.last.meanOfObjects(counts: batch.counts), in: pass)
      let start = sentences.filled(to: settings.setSize)
      let refinement = refiner(start, towards: seen, in: pass) { summary($0, in: pass) }
      return AnswerPrediction(
        reasoning(ObjectSet(refinement.set), question: question, in: pass),
        refinement: refinement)
    case .graph(let refiner, let summary, let target):
      let seen = target(read.last.meanOfObjects(counts: batch.counts), in: pass)
      let nodes = sentences.filled(to: settings.setSize)
      let complete = Tensor(
        repeating: 1, shape: [batch.counts.count, settings.setSize, settings.setSize])
      let refinement = refiner(pass.tape.constant(complete), towards: seen, in: pass) {
        summary(nodes, weights: $0, in: pass)
      }
      return AnswerPrediction(
        reasoning(nodes, weights: refinement.set, question: question, in: pass),
        refinement: refinement)
    }
  }

  /// The states of the words that name the people who are asked about, summed up for each of both:
  /// `[batch, 2 · width]`.
  private func question(of batch: CLUTRR.Batch, in pass: ForwardPass) -> Variable {
    let states = encoder(batch.text, in: pass).states
    let (count, time, width) = (states.shape[0], states.shape[1], states.shape[2])
    var (read, written): ([Int32], [Int32]) = ([], [])
    for (story, mentions) in batch.mentions.enumerated() {
      for (person, places) in [mentions.first, mentions.second].enumerated() {
        for place in places {
          read.append(Int32(story * time + place))
          written.append(Int32(2 * story + person))
        }
      }
    }
    return states.reshaped(to: [count * time, width]).gathered(rows: read)
      .scattered(rows: written, count: 2 * count).reshaped(to: [count, 2 * width])
  }

  /// The mean cross-entropy, and while training the slope of what draws parameters towards 0.
  public func loss(
    of prediction: AnswerPrediction, for batch: CLUTRR.Batch, in pass: ForwardPass
  ) -> Variable {
    let loss = prediction.logits.crossEntropy(labels: batch.labels)
    guard pass.isTraining, settings.weightDecay > 0 else { return loss }
    let decay =
      layout.parameters.filter { !pass.frozen.contains($0.name) }.map { parameter in
        (pass[parameter] * pass[parameter]).sum()
      }.reduce(pass.tape.constant(Tensor(scalar: 0)), +) * (settings.weightDecay / 2)
    // Its gradient counts; its value is no part of what is reported.
    return loss + (decay - decay.detached)
  }

  /// A measurement for each of `metrics`.
  public func measure(
    _ prediction: AnswerPrediction, for batch: CLUTRR.Batch
  ) -> [Measurement] {
    var measured = [Measurement](repeating: .nothing, count: CLUTRR.metrics.count)
    for (story, answer) in prediction.logits.value.largestOfRows().enumerated() {
      measured[batch.categories[story]] += Measurement(
        sum: answer == batch.labels[story] ? 1 : 0, weight: 1)
    }
    return measured + (prediction.refinement?.measurements(settings.refiner) ?? [])
  }
}

extension Variable {
  /// The mean of the objects that there are, `[batch, n, d]` to `[batch, d]`; those that there are
  /// not are zeros.
  fileprivate func meanOfObjects(counts: [Int]) -> Variable {
    let shares = Tensor(counts.map { 1 / Float(Swift.max($0, 1)) }, shape: [counts.count, 1])
    return sum(axes: [1]) * tape.constant(shares)
  }
}
